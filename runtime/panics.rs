//! Panics of code that is not ours, turned into errors where a foreign file can cause them.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    /// How many calls of [`caught`] this thread is inside of.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// What `work` gives, or the message of the panic that ended it, which is not printed.
///
/// What `work` changes outside of itself must bear being left half-done. Threads that it starts are not covered.
///
/// # Errors
/// When `work` panics.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    print_only_what_nobody_catches();
    DEPTH.set(DEPTH.get() + 1);
    let result = catch_unwind(AssertUnwindSafe(work));
    DEPTH.set(DEPTH.get() - 1);
    result.map_err(message)
}

/// Any other panic goes on to the hook that was there before.
fn print_only_what_nobody_catches() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            if DEPTH.get() == 0 {
                before(panic);
            }
        }));
    });
}

fn message(panic: Box<dyn Any + Send>) -> String {
    match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => panic.downcast_ref::<&str>().map_or_else(|| "no message".to_owned(), |&text| text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_its_message_and_all_else_is_what_it_was() {
        assert_eq!(caught(|| 7), Ok(7));
        assert_eq!(caught(|| -> u8 { panic!("plain") }), Err("plain".to_owned()));
        assert_eq!(caught(|| -> u8 { panic!("with {}", 1) }), Err("with 1".to_owned()));
        assert_eq!(caught(|| std::panic::panic_any(1.5)), Err::<(), _>("no message".to_owned()));
    }

    #[test]
    fn calls_nest_and_a_panic_leaves_nothing_behind() {
        let inner = caught(|| caught(|| -> u8 { panic!("inner") }).unwrap_err() + " and on");
        assert_eq!(inner, Ok("inner and on".to_owned()));
        drop(caught(|| caught(|| panic!("inner")).expect("outer")));
        assert_eq!(DEPTH.get(), 0);
    }
}
