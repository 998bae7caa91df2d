//! Threads, which the system may refuse: at a limit of tasks (`ulimit -u`, systemd's `TasksMax=`) there are fewer, or an
//! error says that there is none. The standard library's own short forms panic then, as rayon's pool does.

use std::io;
use std::num::NonZero;
use std::sync::mpsc;
use std::thread::{Builder, Scope};

/// Not one thread could be started.
#[derive(Debug, thiserror::Error)]
#[error("the system refuses another thread")]
pub struct NoThread(#[from] pub io::Error);

/// Starts one thread.
pub fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), NoThread> {
    Builder::new().name(name.to_owned()).spawn(work)?;
    Ok(())
}

/// Starts `count` threads in `scope`, each of which does `work`; where the system gives fewer, these do it all.
///
/// # Errors
/// When there is not even one.
pub fn spawn_workers<'scope>(
    scope: &'scope Scope<'scope, '_>,
    count: usize,
    work: impl FnOnce() + Clone + Send + 'scope,
) -> Result<(), NoThread> {
    at_least_one(count, || Builder::new().spawn_scoped(scope, work.clone()).map(drop))
}

fn at_least_one(count: usize, start: impl Fn() -> io::Result<()>) -> Result<(), NoThread> {
    for started in 0..count {
        match start() {
            Ok(()) => {}
            Err(error) if started == 0 => return Err(error.into()),
            Err(error) => {
                tracing::warn!("{started} of {count} threads could be started, which do it all: {error}");
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Starts rayon's pool, for all of this process, with as many threads as the system gives: with none, the calling thread
/// does the work alone. A second call changes nothing.
pub fn start_pool() {
    let mut seats = Vec::new();
    while seats.len() < pool_size() {
        let (give, take) = mpsc::channel::<rayon::ThreadBuilder>();
        // The pool must know beforehand how many threads it gets: it waits for each of them.
        let Ok(()) = spawn("pool", move || take.into_iter().take(1).for_each(rayon::ThreadBuilder::run)) else { break };
        seats.push(give);
    }
    let pool = rayon::ThreadPoolBuilder::new();
    let built = match seats.len() {
        0 => pool.num_threads(1).use_current_thread().build_global(),
        count => {
            let seat = |worker| {
                seats.pop().map_or(Ok(()), |seat| seat.send(worker).map_err(|_| io::ErrorKind::BrokenPipe.into()))
            };
            pool.num_threads(count).spawn_handler(seat).build_global()
        }
    };
    if let Err(error) = built {
        tracing::debug!("the pool is there already: {error}");
    }
}

/// A pool for work that nobody waits for: half the cores, at a low priority where the system allows that.
///
/// # Errors
/// When there is not even one thread.
pub fn background_pool() -> Result<rayon::ThreadPool, NoThread> {
    let build = |count: usize| {
        let named = |number: usize| format!("background-{number}");
        rayon::ThreadPoolBuilder::new().num_threads(count).thread_name(named).start_handler(|_| step_back()).build()
    };
    let built = build((pool_size() / 2).max(1)).or_else(|_| build(1));
    built.map_err(|error| NoThread(io::Error::other(error)))
}

/// Lets other threads go first.
pub fn step_back() {
    // Linux has a priority for each thread; elsewhere it would be that of the whole process.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, 10) {
        tracing::debug!("the priority of a thread cannot be lowered: {error}");
    }
}

/// As rayon has it: `RAYON_NUM_THREADS`, else one thread a core.
fn pool_size() -> usize {
    let named = std::env::var("RAYON_NUM_THREADS").ok().and_then(|text| text.parse().ok()).filter(|&count| count > 0);
    named.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, NonZero::get))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Starts three threads of which the system gives `given`; says how many there are.
    fn started(given: usize) -> Result<usize, NoThread> {
        let count = Cell::new(0);
        at_least_one(3, || {
            if count.get() == given {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            count.set(count.get() + 1);
            Ok(())
        })?;
        Ok(count.get())
    }

    #[test]
    fn one_thread_is_enough_and_none_is_an_error() {
        assert_eq!([1, 2, 3, 4].map(|given| started(given).unwrap()), [1, 2, 3, 3]);
        assert_eq!(started(0).unwrap_err().to_string(), "the system refuses another thread");
    }

    #[test]
    fn a_background_pool_has_at_most_half_the_threads_and_they_step_back() {
        let pool = background_pool().unwrap();
        assert!(pool.current_num_threads() <= (pool_size() / 2).max(1));
        #[cfg(target_os = "linux")]
        {
            let nice = || rustix::process::getpriority_process(None).unwrap();
            assert_eq!((pool.install(nice), nice()), (nice().max(10), nice()));
        }
    }

    #[test]
    fn every_worker_does_the_work() {
        let done = AtomicUsize::new(0);
        let work = || {
            done.fetch_add(1, Ordering::SeqCst);
        };
        std::thread::scope(|scope| spawn_workers(scope, 3, work)).unwrap();
        assert_eq!(done.into_inner(), 3);
    }
}
