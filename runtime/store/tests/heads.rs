use super::super::heads::*;

fn shelf(keep: usize) -> (tempfile::TempDir, HeadShelf) {
    let folder = tempfile::tempdir().unwrap();
    let shelf = HeadShelf::new(folder.path(), keep);
    (folder, shelf)
}

fn publish(shelf: &HeadShelf, times: usize) {
    for _ in 0..times {
        shelf.publish(b"head").unwrap();
    }
}

fn numbers(shelf: &HeadShelf) -> Vec<u64> {
    shelf.list().unwrap().iter().map(|head| head.version.0).collect()
}

#[test]
fn the_last_head_published_is_the_current_one() {
    let (folder, shelf) = shelf(5);
    assert!(matches!(shelf.current(), Err(ShelfError::Empty { .. })));
    assert_eq!(shelf.publish(b"one").unwrap(), HeadVersion(1));
    assert_eq!(shelf.publish(b"two").unwrap(), HeadVersion(2));
    assert_eq!(shelf.current().unwrap(), (HeadVersion(2), b"two".to_vec()));
    assert_eq!(shelf.read(HeadVersion(1)).unwrap(), b"one");
    assert_eq!(std::fs::read(folder.path().join("current")).unwrap(), b"000002\n");
    assert!(folder.path().join("000002.safetensors").is_file());
}

#[test]
fn only_the_newest_versions_are_kept_beside_the_current_one() {
    let (_folder, shelf) = shelf(2);
    publish(&shelf, 5);
    assert_eq!(numbers(&shelf), [3, 4, 5]);
}

#[test]
fn a_rollback_keeps_the_newer_versions_and_the_next_head_gets_a_new_number() {
    let (_folder, shelf) = shelf(9);
    publish(&shelf, 3);
    assert_eq!(shelf.rollback(None).unwrap(), HeadVersion(2));
    assert_eq!(shelf.rollback(None).unwrap(), HeadVersion(1));
    assert!(matches!(shelf.rollback(None), Err(ShelfError::NothingOlder { .. })));
    assert_eq!(shelf.rollback(Some(HeadVersion(3))).unwrap(), HeadVersion(3));
    assert!(matches!(shelf.rollback(Some(HeadVersion(7))), Err(ShelfError::NoSuchVersion { .. })));
    assert_eq!(shelf.current_version().unwrap(), HeadVersion(3));
    shelf.rollback(Some(HeadVersion(1))).unwrap();
    assert_eq!(shelf.publish(b"new").unwrap(), HeadVersion(4));
    let current: Vec<bool> = shelf.list().unwrap().iter().map(|head| head.current).collect();
    assert_eq!(current, [false, false, false, true]);
}

#[test]
fn a_head_whose_publishing_was_cut_short_is_not_current_and_its_number_is_not_given_again() {
    let (folder, shelf) = shelf(5);
    shelf.publish(b"one").unwrap();
    std::fs::write(folder.path().join("000002.safetensors"), b"cut short").unwrap();
    std::fs::write(folder.path().join(".tmp-abc"), b"rubbish").unwrap();
    std::fs::write(folder.path().join("2.safetensors"), b"somebody's own").unwrap();
    assert_eq!(shelf.current().unwrap().0, HeadVersion(1));
    assert_eq!(shelf.publish(b"three").unwrap(), HeadVersion(3));
    assert_eq!(numbers(&shelf), [1, 2, 3]);
}

#[test]
fn erasing_leaves_one_version_or_none_and_numbers_go_on() {
    let (folder, shelf) = shelf(9);
    let erase_but = |kept| shelf.erase_but(&shelf.lock().unwrap(), kept).unwrap();
    assert_eq!(erase_but(None), 0);
    publish(&shelf, 3);
    // A second name for the same bytes shows what is left of them.
    std::fs::hard_link(folder.path().join("000001.safetensors"), folder.path().join("other-name")).unwrap();
    assert_eq!(erase_but(Some(HeadVersion(3))), 2);
    assert_eq!((numbers(&shelf), shelf.current_version().unwrap()), (vec![3], HeadVersion(3)));
    assert_eq!(std::fs::read(folder.path().join("other-name")).unwrap(), [0; 4]);
    assert_eq!(shelf.publish(b"next").unwrap(), HeadVersion(4));
    assert_eq!(erase_but(None), 2);
    assert!(matches!(shelf.current(), Err(ShelfError::Empty { .. })));
}

#[test]
fn what_a_killed_process_left_is_overwritten_and_removed_but_not_while_somebody_holds_the_lock() {
    let (folder, shelf) = shelf(9);
    let leave = |name: &str| {
        std::fs::write(folder.path().join(name), b"half a head").unwrap();
        std::fs::hard_link(folder.path().join(name), folder.path().join(format!("of {name}"))).unwrap();
    };
    let is_erased = |name: &str| {
        let bytes = std::fs::read(folder.path().join(format!("of {name}"))).unwrap();
        !folder.path().join(name).exists() && bytes == [0; 11]
    };
    leave(".tmp-one");
    let lock = shelf.lock().unwrap();
    assert_eq!(shelf.clear_leftovers().unwrap(), 0);
    assert!(!is_erased(".tmp-one"));
    drop(lock);
    assert_eq!(shelf.clear_leftovers().unwrap(), 1);
    assert!(is_erased(".tmp-one"));
    leave(".tmp-two");
    shelf.publish(b"head").unwrap();
    assert!(is_erased(".tmp-two"));
    leave(".tmp-three");
    assert_eq!(shelf.erase_but(&shelf.lock().unwrap(), Some(HeadVersion(1))).unwrap(), 0);
    assert!(is_erased(".tmp-three"));
    let missing = HeadShelf::new(folder.path().join("missing"), 5);
    assert_eq!(missing.clear_leftovers().unwrap(), 0);
}

#[test]
fn a_number_that_no_head_can_have_is_passed_over_and_the_last_one_does_not_wrap() {
    let (folder, shelf) = shelf(9);
    publish(&shelf, 1);
    for stray in ["18446744073709551615", "99999999999999999999999", "1000000000000"] {
        std::fs::write(folder.path().join(format!("{stray}.safetensors")), b"stray").unwrap();
    }
    publish(&shelf, 1);
    assert_eq!(numbers(&shelf), [1, 2]);
    std::fs::write(folder.path().join("current"), "18446744073709551615\n").unwrap();
    assert!(matches!(shelf.current(), Err(ShelfError::Pointer { .. })));
    publish(&shelf, 1);
    assert_eq!(shelf.current_version().unwrap(), HeadVersion(3));
    std::fs::write(folder.path().join("999999999999.safetensors"), b"stray").unwrap();
    let error = shelf.publish(b"next").unwrap_err();
    assert!(matches!(error, ShelfError::NoNumberLeft { last: HeadVersion(999_999_999_999), .. }), "{error}");
    assert_eq!(shelf.current_version().unwrap(), HeadVersion(3));
}

#[test]
fn publishers_at_once_get_different_numbers_and_the_highest_stays_current() {
    let (_folder, shelf) = shelf(100);
    let publish = |thread: u8| {
        let shelf = shelf.clone();
        move || (0..5).map(|_| shelf.publish(&[thread]).unwrap()).collect::<Vec<_>>()
    };
    let threads: Vec<_> = (0..4).map(|thread| std::thread::spawn(publish(thread))).collect();
    let mut versions: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    versions.sort();
    assert_eq!(versions, (1..=20).map(HeadVersion).collect::<Vec<_>>());
    assert_eq!(shelf.current_version().unwrap(), HeadVersion(20));
}

#[test]
fn readers_beside_a_publisher_that_keeps_nothing_always_get_a_whole_head() {
    let (_folder, shelf) = shelf(0);
    shelf.publish(&[0; 1000]).unwrap();
    std::thread::scope(|scope| {
        let publisher = scope.spawn(|| {
            for value in 1..60 {
                shelf.publish(&[value; 1000]).unwrap();
            }
        });
        while !publisher.is_finished() {
            let (version, bytes) = shelf.current().unwrap();
            assert_eq!(bytes, [version.0 as u8 - 1; 1000]);
        }
    });
}

#[test]
fn a_pointer_that_names_no_head_is_an_error_and_publishing_mends_it() {
    let (folder, shelf) = shelf(5);
    for text in ["", "-1\n", "000000\n", "../secret\n", "+3\n"] {
        std::fs::write(folder.path().join("current"), text).unwrap();
        assert!(matches!(shelf.current(), Err(ShelfError::Pointer { .. })), "{text:?}");
    }
    std::fs::write(folder.path().join("current"), "000009\n").unwrap();
    assert!(matches!(shelf.current(), Err(ShelfError::NoSuchVersion { version: HeadVersion(9), .. })));
    shelf.publish(b"new").unwrap();
    assert_eq!(shelf.current().unwrap().1, b"new");
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_and_the_head_stays() {
    let (folder, shelf) = shelf(5);
    let missing = HeadShelf::new(folder.path().join("missing"), 5);
    assert!(matches!(missing.publish(b"x"), Err(ShelfError::Write { .. })));
    assert!(missing.list().unwrap().is_empty());
    shelf.publish(b"old").unwrap();
    std::fs::create_dir(folder.path().join("000002.safetensors")).unwrap();
    assert_eq!(shelf.publish(b"new").unwrap(), HeadVersion(3));
}
