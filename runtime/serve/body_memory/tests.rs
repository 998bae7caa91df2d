//! Four bodies of 64 KiB are all the memory: one in four places of 16 KiB, and room for three.

use super::*;

const MAX: usize = 64;

fn with_room<F: Future<Output = ()>>(test: impl FnOnce(Arc<BodyMemory>) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(test(BodyMemory::new(MAX * KIBIBYTE, 8)));
}

/// A share that has brought `kibibytes`.
async fn share(room: &Arc<BodyMemory>, kibibytes: usize) -> Share {
    let mut share = room.enter().await.ok().unwrap();
    share.grow(kibibytes * KIBIBYTE).await.ok().unwrap();
    share
}

/// The three that take all the room there is.
async fn largest(room: &Arc<BodyMemory>) -> Vec<Share> {
    vec![share(room, MAX + 16).await, share(room, MAX + 16).await, share(room, MAX + 16).await]
}

/// Lets a second pass for all bodies.
fn halt(room: &BodyMemory) {
    room.lock().coming.values_mut().for_each(|body| body.mark.1 = body.mark.1.checked_sub(HALT).unwrap());
}

/// How many places are free, and how much room.
fn counts(room: &BodyMemory) -> (usize, usize) {
    let state = room.lock();
    (state.places, state.free)
}

fn clear(room: &BodyMemory, kibibytes: usize) {
    room.lock().clear(Need::BodyMemory(kibibytes), Instant::now());
}

fn stays(share: &Share) -> bool {
    share.entry.room.lock().coming.contains_key(&share.entry.number)
}

#[test]
fn all_memory_together_is_that_of_four_of_the_greatest_length() {
    for (max_bytes, places) in [(1, 1), (1 << 20, 384), (32 << 20, 384), (1 << 30, 384), (32 << 20, 7), (5000, 384)] {
        let room = BodyMemory::new(max_bytes, places);
        let (places_free, free) = counts(&room);
        let all = places_free * room.first + free;
        let most = max_bytes.div_ceil(KIBIBYTE);
        assert!(all <= 4 * most && all > 3 * most, "{max_bytes}, {places}");
        assert!(places_free <= places);
    }
}

#[test]
fn room_is_taken_as_it_is_filled_and_given_back_with_the_picture() {
    with_room(|room| async move {
        let large = share(&room, 40).await;
        assert_eq!(counts(&room), (3, 192 - 24));
        let small = share(&room, 16).await;
        assert_eq!(counts(&room), (2, 192 - 24));
        let whole = large.whole();
        drop(small);
        assert_eq!((counts(&room), room.lock().coming.len()), ((3, 192 - 24), 0));
        drop(whole);
        assert_eq!(counts(&room), (4, 192));
    });
}

#[test]
fn a_small_picture_never_waits_for_large_ones() {
    with_room(|room| async move {
        let largest = largest(&room).await;
        assert_eq!(room.lock().free, 0);
        let start = Instant::now();
        drop(share(&room, 16).await);
        assert!(start.elapsed() < HALT && largest.iter().all(stays));
    });
}

#[test]
fn bodies_that_flow_or_are_whole_keep_their_room() {
    with_room(|room| async move {
        let mut flowing = largest(&room).await;
        let whole = flowing.pop().unwrap().whole();
        halt(&room);
        for body in &mut flowing {
            room.lock().change(body.entry.number, |body| body.mark.0 = 50);
            body.grow((MAX + 16) * KIBIBYTE).await.ok().unwrap();
        }
        clear(&room, 1);
        assert!(flowing.iter().all(stays));
        drop(whole);
    });
}

#[test]
fn of_bodies_at_a_halt_as_many_give_way_as_are_in_the_way_the_longest_at_it_first() {
    with_room(|room| async move {
        let small = share(&room, 16).await;
        let mut bodies = largest(&room).await;
        halt(&room);
        clear(&room, 100);
        assert!(stays(&small), "it has no room to give");
        assert_eq!(bodies.iter().map(stays).collect::<Vec<_>>(), [false, false, true]);
        bodies[0].must_give_way().await;
        assert!(matches!(bodies[1].grow((MAX + 17) * KIBIBYTE).await, Err(Refusal::Halted)));
        bodies.drain(..2);
        assert_eq!(room.lock().free, 128);
    });
}

#[test]
fn where_no_place_is_left_the_body_that_is_longest_at_a_halt_gives_way() {
    with_room(|room| async move {
        let mut bodies =
            vec![share(&room, 1).await, share(&room, 1).await, share(&room, 1).await, share(&room, 1).await];
        halt(&room);
        let last = bodies.split_off(1);
        let mut first = bodies.pop().unwrap();
        let give_way = async {
            first.must_give_way().await;
            drop(first);
        };
        let (entered, ()) = tokio::join!(room.enter(), give_way);
        assert!(entered.is_ok() && last.iter().all(stays));
    });
}

#[test]
fn a_body_that_waits_for_room_is_not_at_a_halt_and_is_served_in_its_turn() {
    with_room(|room| async move {
        let mut last = share(&room, 16).await;
        let mut bodies = largest(&room).await;
        let number = last.entry.number;
        let check = async {
            tokio::time::sleep(LOOK / 2).await;
            assert!(room.lock().coming[&number].waits.is_some());
            halt(&room);
            clear(&room, 1);
            assert!(room.lock().coming.contains_key(&number));
            assert!(!stays(&bodies[0]));
            bodies.remove(0);
        };
        let (grown, ()) = tokio::join!(last.grow(40 * KIBIBYTE), check);
        assert!(grown.is_ok() && stays(&last));
    });
}

#[test]
fn what_is_given_back_goes_to_who_holds_least() {
    with_room(|room| async move {
        let bodies = [share(&room, 40).await, share(&room, 16).await, share(&room, 20).await];
        let numbers = bodies.each_ref().map(|body| body.entry.number);
        let mut state = room.lock();
        let wait = |state: &mut State, number| state.change(number, |body| body.waits = Some(Instant::now()));
        numbers.iter().for_each(|number| wait(&mut state, *number));
        for expected in [1, 1, 2] {
            let others = numbers.iter().filter(|number| **number != numbers[expected]);
            assert!(others.copied().all(|other| !state.take(other, Need::BodyMemory(3))));
            assert!(state.take(numbers[expected], Need::BodyMemory(3)));
            wait(&mut state, numbers[expected]);
        }
    });
}

#[test]
fn of_bodies_that_wait_for_each_other_one_at_a_time_is_refused_the_largest_first() {
    with_room(|room| async move {
        let bodies = [share(&room, 40).await, share(&room, 60).await, share(&room, 16).await];
        let numbers = bodies.each_ref().map(|body| body.entry.number);
        let now = Instant::now() + WAIT;
        let yields = |now| numbers.map(|number| room.lock().must_yield(number, now));
        assert_eq!(yields(now), [false; 3], "they flow");
        room.lock().coming.values_mut().for_each(|body| body.waits = Some(now));
        assert_eq!(yields(now + HOPE / 2), [false; 3], "one that came whole may be answered");
        assert_eq!(yields(now + HOPE), [false, true, false]);
        room.lock().coming.remove(&numbers[1]);
        assert_eq!(yields(now + HOPE), [false; 3], "what was given back has yet to arrive");
        assert_eq!(yields(now + HOPE + LOOK), [true, false, false]);
    });
}

#[test]
fn a_drop_now_and_then_is_no_growth() {
    with_room(|room| async move {
        let mut body = share(&room, 40).await;
        let mark = room.lock().coming[&body.entry.number].mark.0;
        for received in 41..40 + LEAST_GROWTH {
            body.grow(received * KIBIBYTE).await.ok().unwrap();
        }
        assert_eq!(room.lock().coming[&body.entry.number].mark.0, mark);
        body.grow((40 + LEAST_GROWTH) * KIBIBYTE).await.ok().unwrap();
        assert_eq!(room.lock().coming[&body.entry.number].mark.0, 40 + LEAST_GROWTH);
    });
}
