use proptest::prelude::*;

use super::moment::Running;
use super::*;

fn phones() -> (tempfile::TempDir, Phones) {
    let folder = tempfile::tempdir().unwrap();
    let phones = Phones::of(&StateDir::new(folder.path()));
    (folder, phones)
}

/// Where the system says no more than the clock.
fn at(clock: i64) -> Moment {
    Moment { clock, running: None }
}

fn running(clock: i64, boot: &str, seconds: i64) -> Moment {
    Moment { clock, running: Some(Running { boot: boot.to_owned(), seconds }) }
}

#[test]
fn a_code_of_another_boot_does_not_hold_and_one_of_this_boot_whatever_the_clock_says() {
    let (_folder, phones) = phones();
    let offer = |now: &Moment| phones.offer(PairingRight::Write, now).unwrap().code;
    let is_in = |code: &Code, now: &Moment| phones.pair(code, "phone", now).unwrap().is_some();
    let old = offer(&running(100, "first", 50));
    for other in [running(100, "second", 50), running(160, "second", 110), at(100)] {
        assert!(!is_in(&old, &other), "{other:?}");
    }
    assert!(is_in(&old, &running(1_800_000_000, "first", 60)), "the clock was set meanwhile");
    let late = offer(&running(100, "first", 50));
    assert!(!is_in(&late, &running(100, "first", 650)) && !is_in(&late, &running(100, "first", 49)));
    if cfg!(target_os = "linux") {
        let (first, second) = (Moment::now().running.unwrap(), Moment::now().running.unwrap());
        assert!(first.boot == second.boot && first.boot.len() == 36 && first.seconds <= second.seconds);
    }
}

#[test]
fn who_puts_a_phone_out_ends_the_codes_that_it_may_have() {
    let (_folder, phones) = phones();
    let offer = || phones.offer(PairingRight::Write, &at(0)).unwrap().code;
    let stolen = phones.pair(&offer(), "stolen", &at(0)).unwrap().unwrap().phone;
    let (asked_for, kept) = (offer(), offer());
    assert_eq!(phones.withdraw(99).unwrap(), None);
    assert!(phones.pair(&kept, "mine", &at(0)).unwrap().is_some(), "nobody was put out");
    phones.withdraw(stolen.number).unwrap().unwrap();
    assert_eq!(phones.pair(&asked_for, "stolen", &at(0)).unwrap(), None);
    assert!(phones.pair(&offer(), "new", &at(0)).unwrap().is_some());
}

#[test]
fn no_name_can_be_taken_for_a_number() {
    let (_folder, phones) = phones();
    let names = ["2", "007", "2", "2nd"].map(|name| {
        let offer = phones.offer(PairingRight::Write, &at(0)).unwrap();
        phones.pair(&offer.code, name, &at(0)).unwrap().unwrap().phone.name
    });
    assert_eq!(names, ["phone 2", "phone 007", "phone 2 2", "2nd"]);
}

#[test]
fn a_code_pairs_one_phone_and_only_in_its_time() {
    let (_folder, phones) = phones();
    let offer = phones.offer(PairingRight::Read, &at(1000)).unwrap();
    assert_eq!(offer.ends, 1600);
    for now in [1600, 9999, 399] {
        assert_eq!(phones.pair(&offer.code, "late", &at(now)).unwrap(), None, "{now}");
    }
    assert_eq!(phones.pair(&Code::typed("0000"), "guess", &at(1000)).unwrap(), None);
    let paired = phones.pair(&offer.code, " Pixel\n ", &at(1599)).unwrap().unwrap();
    assert_eq!((paired.phone.name.as_str(), paired.phone.right), ("Pixel", PairingRight::Read));
    assert_eq!(paired.phone.token, Digest::of(paired.token.as_bytes()));
    assert_eq!(phones.pair(&offer.code, "second", &at(1599)).unwrap(), None, "it was used");
}

#[test]
fn no_secret_is_in_the_file_and_nobody_else_can_read_it() {
    let (_folder, phones) = phones();
    let (used, open) =
        (phones.offer(PairingRight::Write, &at(0)).unwrap(), phones.offer(PairingRight::Write, &at(0)).unwrap());
    let paired = phones.pair(&used.code, "phone", &at(0)).unwrap().unwrap();
    let text = std::fs::read_to_string(phones.path()).unwrap();
    for secret in [used.code.plain(), open.code.plain(), &paired.token] {
        assert!(!text.contains(secret), "{text}");
    }
    #[cfg(unix)]
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&phones.path().metadata().unwrap().permissions()) & 0o777,
        0o600
    );
}

#[test]
fn names_and_numbers_come_once_and_a_withdrawn_phone_is_gone() {
    let (_folder, phones) = phones();
    let pair = |name: &str| {
        let offer = phones.offer(PairingRight::Write, &at(0)).unwrap();
        phones.pair(&offer.code, name, &at(0)).unwrap().unwrap().phone
    };
    let (first, second, third) = (pair("phone"), pair("phone"), pair("\u{7}"));
    assert_eq!([&first.name, &second.name, &third.name], ["phone", "phone 2", "phone 3"]);
    assert_eq!(phones.withdraw(third.number).unwrap().unwrap(), third);
    assert_eq!(phones.withdraw(third.number).unwrap(), None);
    assert_eq!(pair("x").number, 4);
    phones.note_use(&[(1, 50), (2, 60), (9, 70)]).unwrap();
    phones.note_use(&[(1, 40)]).unwrap();
    let used: Vec<_> = phones.read().unwrap().phones.iter().map(|phone| phone.used).collect();
    assert_eq!(used, [Some(50), Some(60), None]);
    assert_eq!(phones.read().unwrap().phones[1].name, second.name);
}

#[test]
fn what_killed_processes_left_is_swept_and_nothing_else() {
    let (folder, phones) = phones();
    phones.sweep();
    assert!(!folder.path().join("access").exists(), "nothing is made for it");
    phones.offer(PairingRight::Write, &at(0)).unwrap();
    std::fs::write(phones.folder.join(".tmp-x1"), "a key").unwrap();
    phones.sweep();
    let mut left: Vec<_> = phones.folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, [".lock", "phones.json"]);
}

#[test]
fn of_many_who_bring_one_code_at_once_one_is_paired() {
    let (_folder, phones) = phones();
    let offer = phones.offer(PairingRight::Write, &at(0)).unwrap();
    let bring = &|name: usize| phones.pair(&offer.code, &name.to_string(), &at(0)).unwrap().is_some();
    let paired = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|name| scope.spawn(move || bring(name))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).filter(|paired| *paired).count()
    });
    assert_eq!((paired, phones.read().unwrap().phones.len()), (1, 1));
}

#[test]
fn there_are_bounds_and_a_damaged_file_is_named() {
    let (_folder, phones) = phones();
    let first = phones.offer(PairingRight::Write, &at(0)).unwrap();
    (0..MOST_CODES).for_each(|_| drop(phones.offer(PairingRight::Write, &at(0)).unwrap()));
    assert_eq!(phones.pair(&first.code, "x", &at(0)).unwrap(), None, "newer ones took its place");
    for _ in 0..MOST_PHONES {
        let offer = phones.offer(PairingRight::Write, &at(0)).unwrap();
        phones.pair(&offer.code, "x", &at(0)).unwrap().unwrap();
    }
    let offer = phones.offer(PairingRight::Write, &at(0)).unwrap();
    assert!(matches!(phones.pair(&offer.code, "x", &at(0)), Err(PhonesError::TooMany)));
    assert!(matches!(phones.pair(&offer.code, "x", &at(0)), Err(PhonesError::TooMany)), "the code was not used up");
    std::fs::write(phones.path(), "{\"last\": ").unwrap();
    let error = phones.offer(PairingRight::Write, &at(0)).unwrap_err().to_string();
    assert!(error.contains("phones.json"), "{error}");
}

proptest! {
    #[test]
    fn however_it_is_typed_it_is_the_same_code(grouped: bool, lower: bool) {
        let code = Code::new().unwrap();
        let text = if grouped { format!(" {} ", code.grouped()) } else { code.plain().to_owned() };
        let text = if lower { text.to_lowercase().replace('0', "o").replace('1', "l") } else { text };
        prop_assert_eq!(Code::typed(&text), code);
    }
}
