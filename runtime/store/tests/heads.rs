use super::super::heads::*;

fn heads(keep: usize) -> (tempfile::TempDir, HeadFolder) {
    let folder = tempfile::tempdir().unwrap();
    let heads = HeadFolder::new(folder.path(), keep);
    (folder, heads)
}

fn publish(heads: &HeadFolder, times: usize) {
    for _ in 0..times {
        heads.publish(b"head").unwrap();
    }
}

fn numbers(heads: &HeadFolder) -> Vec<u64> {
    heads.list().unwrap().iter().map(|head| head.version.0).collect()
}

fn roll_back(heads: &HeadFolder, to: Option<HeadVersion>) -> Result<HeadVersion, HeadFolderError> {
    heads.rollback(to, |_, bytes| {
        assert!(!bytes.is_empty());
        Ok(())
    })
}

#[test]
fn the_last_head_published_is_the_current_one() {
    let (folder, heads) = heads(5);
    assert!(matches!(heads.current(), Err(HeadFolderError::Empty { .. })));
    assert_eq!(heads.publish(b"one").unwrap(), HeadVersion(1));
    assert_eq!(heads.publish(b"two").unwrap(), HeadVersion(2));
    assert_eq!(heads.current().unwrap(), (HeadVersion(2), b"two".to_vec()));
    assert_eq!(heads.read(HeadVersion(1)).unwrap(), b"one");
    assert_eq!(std::fs::read(folder.path().join("current")).unwrap(), b"000002\n");
    assert!(folder.path().join("000002.safetensors").is_file());
}

#[test]
fn only_the_newest_versions_are_kept_beside_the_current_one() {
    let (_folder, heads) = heads(2);
    publish(&heads, 5);
    assert_eq!(numbers(&heads), [3, 4, 5]);
}

#[test]
fn while_a_rollback_looks_at_a_version_nobody_publishes_and_so_removes_it() {
    let (_folder, heads) = heads(1);
    publish(&heads, 2);
    let other = heads.clone();
    let rolled_back: Result<HeadVersion, HeadFolderError> = heads.rollback(None, |version, _| {
        assert_eq!(version, HeadVersion(1));
        // Another process, for which it would be one too many.
        let publisher = std::thread::spawn(move || other.publish(b"three"));
        std::thread::sleep(std::time::Duration::from_millis(50));
        assert!(!publisher.is_finished());
        Ok(())
    });
    assert_eq!(rolled_back.unwrap(), HeadVersion(1));
}

#[test]
fn a_version_that_is_refused_does_not_become_the_live_one() {
    let (_folder, heads) = heads(9);
    publish(&heads, 2);
    let refused =
        |version, _: &[u8]| Err(HeadFolderError::NoNumberLeft { path: std::path::PathBuf::new(), last: version });
    assert!(heads.rollback(None, refused).is_err());
    assert_eq!(heads.current_version().unwrap(), HeadVersion(2));
}

#[test]
fn a_rollback_keeps_the_newer_versions_and_the_next_head_gets_a_new_number() {
    let (_folder, heads) = heads(9);
    publish(&heads, 3);
    assert_eq!(roll_back(&heads, None).unwrap(), HeadVersion(2));
    assert_eq!(roll_back(&heads, None).unwrap(), HeadVersion(1));
    assert!(matches!(roll_back(&heads, None), Err(HeadFolderError::NothingOlder { .. })));
    assert_eq!(roll_back(&heads, Some(HeadVersion(3))).unwrap(), HeadVersion(3));
    assert!(matches!(roll_back(&heads, Some(HeadVersion(7))), Err(HeadFolderError::NoSuchVersion { .. })));
    assert_eq!(heads.current_version().unwrap(), HeadVersion(3));
    roll_back(&heads, Some(HeadVersion(1))).unwrap();
    assert_eq!(heads.publish(b"new").unwrap(), HeadVersion(4));
    let current: Vec<bool> = heads.list().unwrap().iter().map(|head| head.current).collect();
    assert_eq!(current, [false, false, false, true]);
}

#[test]
fn a_head_whose_publishing_was_cut_short_is_not_current_and_its_number_is_not_given_again() {
    let (folder, heads) = heads(5);
    heads.publish(b"one").unwrap();
    std::fs::write(folder.path().join("000002.safetensors"), b"cut short").unwrap();
    std::fs::write(folder.path().join(".tmp-abc"), b"rubbish").unwrap();
    std::fs::write(folder.path().join("2.safetensors"), b"somebody's own").unwrap();
    assert_eq!(heads.current().unwrap().0, HeadVersion(1));
    assert_eq!(heads.publish(b"three").unwrap(), HeadVersion(3));
    assert_eq!(numbers(&heads), [1, 2, 3]);
}

#[test]
fn erasing_leaves_one_version_or_none_and_numbers_go_on() {
    let (folder, heads) = heads(9);
    let erase_but = |kept| heads.erase_but(&heads.lock().unwrap(), kept).unwrap();
    assert_eq!(erase_but(None), 0);
    publish(&heads, 3);
    // A second name for the same bytes shows what is left of them.
    std::fs::hard_link(folder.path().join("000001.safetensors"), folder.path().join("other-name")).unwrap();
    assert_eq!(erase_but(Some(HeadVersion(3))), 2);
    assert_eq!((numbers(&heads), heads.current_version().unwrap()), (vec![3], HeadVersion(3)));
    assert_eq!(std::fs::read(folder.path().join("other-name")).unwrap(), [0; 4]);
    assert_eq!(heads.publish(b"next").unwrap(), HeadVersion(4));
    assert_eq!(erase_but(None), 2);
    assert!(matches!(heads.current(), Err(HeadFolderError::Empty { .. })));
}

#[test]
fn what_a_killed_process_left_is_overwritten_and_removed_but_not_while_somebody_holds_the_lock() {
    let (folder, heads) = heads(9);
    let leave = |name: &str| {
        std::fs::write(folder.path().join(name), b"half a head").unwrap();
        std::fs::hard_link(folder.path().join(name), folder.path().join(format!("of {name}"))).unwrap();
    };
    let is_erased = |name: &str| {
        let bytes = std::fs::read(folder.path().join(format!("of {name}"))).unwrap();
        !folder.path().join(name).exists() && bytes == [0; 11]
    };
    leave(".tmp-one");
    let lock = heads.lock().unwrap();
    assert_eq!(heads.clear_leftovers().unwrap(), 0);
    assert!(!is_erased(".tmp-one"));
    drop(lock);
    assert_eq!(heads.clear_leftovers().unwrap(), 1);
    assert!(is_erased(".tmp-one"));
    leave(".tmp-two");
    heads.publish(b"head").unwrap();
    assert!(is_erased(".tmp-two"));
    leave(".tmp-three");
    assert_eq!(heads.erase_but(&heads.lock().unwrap(), Some(HeadVersion(1))).unwrap(), 0);
    assert!(is_erased(".tmp-three"));
    let missing = HeadFolder::new(folder.path().join("missing"), 5);
    assert_eq!(missing.clear_leftovers().unwrap(), 0);
}

#[test]
fn a_number_that_no_head_can_have_is_passed_over_and_the_last_one_does_not_wrap() {
    let (folder, heads) = heads(9);
    publish(&heads, 1);
    for stray in ["18446744073709551615", "99999999999999999999999", "1000000000000"] {
        std::fs::write(folder.path().join(format!("{stray}.safetensors")), b"stray").unwrap();
    }
    publish(&heads, 1);
    assert_eq!(numbers(&heads), [1, 2]);
    std::fs::write(folder.path().join("current"), "18446744073709551615\n").unwrap();
    assert!(matches!(heads.current(), Err(HeadFolderError::Pointer { .. })));
    publish(&heads, 1);
    assert_eq!(heads.current_version().unwrap(), HeadVersion(3));
    std::fs::write(folder.path().join("999999999999.safetensors"), b"stray").unwrap();
    let error = heads.publish(b"next").unwrap_err();
    assert!(matches!(error, HeadFolderError::NoNumberLeft { last: HeadVersion(999_999_999_999), .. }), "{error}");
    assert_eq!(heads.current_version().unwrap(), HeadVersion(3));
}

#[test]
fn publishers_at_once_get_different_numbers_and_the_highest_stays_current() {
    let (_folder, heads) = heads(100);
    let publish = |thread: u8| {
        let heads = heads.clone();
        move || (0..5).map(|_| heads.publish(&[thread]).unwrap()).collect::<Vec<_>>()
    };
    let threads: Vec<_> = (0..4).map(|thread| std::thread::spawn(publish(thread))).collect();
    let mut versions: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    versions.sort();
    assert_eq!(versions, (1..=20).map(HeadVersion).collect::<Vec<_>>());
    assert_eq!(heads.current_version().unwrap(), HeadVersion(20));
}

#[test]
fn readers_beside_a_publisher_that_keeps_nothing_always_get_a_whole_head() {
    let (_folder, heads) = heads(0);
    heads.publish(&[0; 1000]).unwrap();
    std::thread::scope(|scope| {
        let publisher = scope.spawn(|| {
            for value in 1..60 {
                heads.publish(&[value; 1000]).unwrap();
            }
        });
        while !publisher.is_finished() {
            let (version, bytes) = heads.current().unwrap();
            assert_eq!(bytes, [version.0 as u8 - 1; 1000]);
        }
    });
}

#[test]
fn a_pointer_that_names_no_head_is_an_error_and_publishing_mends_it() {
    let (folder, heads) = heads(5);
    for text in ["", "-1\n", "000000\n", "../secret\n", "+3\n"] {
        std::fs::write(folder.path().join("current"), text).unwrap();
        assert!(matches!(heads.current(), Err(HeadFolderError::Pointer { .. })), "{text:?}");
    }
    std::fs::write(folder.path().join("current"), "000009\n").unwrap();
    assert!(matches!(heads.current(), Err(HeadFolderError::NoSuchVersion { version: HeadVersion(9), .. })));
    heads.publish(b"new").unwrap();
    assert_eq!(heads.current().unwrap().1, b"new");
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_and_the_head_stays() {
    let (folder, heads) = heads(5);
    let missing = HeadFolder::new(folder.path().join("missing"), 5);
    assert!(matches!(missing.publish(b"x"), Err(HeadFolderError::Write { .. })));
    assert!(missing.list().unwrap().is_empty());
    heads.publish(b"old").unwrap();
    std::fs::create_dir(folder.path().join("000002.safetensors")).unwrap();
    assert_eq!(heads.publish(b"new").unwrap(), HeadVersion(3));
}

fn keep(heads: &HeadFolder, times: usize) {
    for _ in 0..times {
        heads.keep_under(&heads.lock().unwrap(), b"kept").unwrap();
    }
}

fn waiting(heads: &HeadFolder) -> Vec<u64> {
    heads.for_review().unwrap().iter().map(|version| version.0).collect()
}

#[test]
fn a_head_kept_for_review_is_not_live_and_is_rolled_back_to_only_once_it_was() {
    let (folder, heads) = heads(9);
    publish(&heads, 1);
    keep(&heads, 1);
    publish(&heads, 1);
    assert_eq!((numbers(&heads), waiting(&heads)), (vec![1, 2, 3], vec![2]));
    assert_eq!(std::fs::read(folder.path().join("review")).unwrap(), b"000002\n");
    assert_eq!(roll_back(&heads, None).unwrap(), HeadVersion(1));
    assert_eq!(roll_back(&heads, Some(HeadVersion(2))).unwrap(), HeadVersion(2));
    assert_eq!((heads.current_version().unwrap(), waiting(&heads)), (HeadVersion(2), vec![3]));
    publish(&heads, 1);
    // Head 3 was left for head 1.
    assert_eq!(roll_back(&heads, None).unwrap(), HeadVersion(2));
    let marks: Vec<bool> = heads.list().unwrap().iter().map(|head| head.for_review).collect();
    assert_eq!(marks, [false, false, true, true]);
}

#[test]
fn a_head_that_was_left_for_an_older_one_waits_until_it_is_chosen_and_is_erased_only_as_others_are() {
    let (folder, heads) = heads(2);
    publish(&heads, 3);
    assert_eq!(roll_back(&heads, None).unwrap(), HeadVersion(2));
    assert_eq!(std::fs::read(folder.path().join("review")).unwrap(), b"000003 left\n");
    publish(&heads, 1);
    assert_eq!((numbers(&heads), waiting(&heads)), (vec![2, 3, 4], vec![3]));
    assert_eq!(roll_back(&heads, None).unwrap(), HeadVersion(2));
    // Those that were never live take no place of it.
    keep(&heads, 5);
    assert_eq!((numbers(&heads), waiting(&heads)), (vec![2, 3, 4, 7, 8, 9], vec![3, 4, 7, 8, 9]));
    assert_eq!(roll_back(&heads, Some(HeadVersion(3))).unwrap(), HeadVersion(3));
    assert_eq!(waiting(&heads), [4, 7, 8, 9]);
    publish(&heads, 1);
    assert_eq!((numbers(&heads), waiting(&heads)), (vec![3, 4, 7, 8, 9, 10], vec![4, 7, 8, 9]));
    publish(&heads, 2);
    assert_eq!((numbers(&heads), waiting(&heads)), (vec![7, 8, 9, 10, 11, 12], vec![7, 8, 9]));
}

#[test]
fn the_newest_three_heads_wait_and_take_no_place_of_those_that_were_live() {
    let (_folder, heads) = heads(2);
    publish(&heads, 3);
    keep(&heads, 5);
    assert_eq!((numbers(&heads), waiting(&heads)), (vec![1, 2, 3, 6, 7, 8], vec![6, 7, 8]));
    keep(&heads, 1);
    assert_eq!((numbers(&heads), waiting(&heads)), (vec![1, 2, 3, 7, 8, 9], vec![7, 8, 9]));
    publish(&heads, 1);
    assert_eq!(numbers(&heads), [2, 3, 7, 8, 9, 10]);
}

#[test]
fn a_number_that_was_announced_for_review_by_a_killed_process_becomes_a_live_head_like_any_other() {
    let (folder, heads) = heads(9);
    publish(&heads, 1);
    std::fs::write(folder.path().join("review"), "000002\n").unwrap();
    publish(&heads, 2);
    assert_eq!((waiting(&heads), roll_back(&heads, None).unwrap()), (vec![], HeadVersion(2)));
    keep(&heads, 1);
    assert_eq!(heads.erase_but(&heads.lock().unwrap(), None).unwrap(), 4);
    assert!(!folder.path().join("review").exists());
    std::fs::write(folder.path().join("review"), "rubbish\n").unwrap();
    assert!(matches!(heads.for_review(), Err(HeadFolderError::Pointer { .. })));
}
