//! The threads on which kernels run: one pool a process, as large as the machine or as `LAKEBED_THREADS` says.
//!
//! A forked child has none of its parent's threads, so it gets a pool of its own at its first use.

use std::sync::{Arc, Mutex, PoisonError};

use rayon::{Scope, ThreadPool, ThreadPoolBuilder};

static POOL: Mutex<Option<(u32, Arc<ThreadPool>)>> = Mutex::new(None);

/// Run `work`, and all that it does in parallel, on the pool; on the calling thread where there can be no pool.
pub fn install<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    match pool() {
        Some(pool) => pool.install(work),
        None => work(),
    }
}

/// Run `work` on the calling thread; what it spawns runs on the pool beside it, and has ended when this returns. There is no
/// scope where there can be no pool, nor on a thread of the pool itself, which must not wait for its like.
pub fn in_place_scope<'scope, R>(work: impl FnOnce(Option<&Scope<'scope>>) -> R) -> R {
    match pool() {
        Some(pool) if rayon::current_thread_index().is_none() => pool.in_place_scope(|scope| work(Some(scope))),
        _ => work(None),
    }
}

/// Begin `work` on the pool and go on. Gives it back where nobody would do it: where there can be no pool, and on a thread
/// of the pool itself, which must not wait for its like.
pub fn spawn<F: FnOnce() + Send + 'static>(work: F) -> Result<(), F> {
    match pool() {
        Some(pool) if rayon::current_thread_index().is_none() => {
            pool.spawn(work);
            Ok(())
        }
        _ => Err(work),
    }
}

/// Number of threads on which `install` runs work.
pub fn count() -> usize {
    pool().map_or(1, |pool| pool.current_num_threads())
}

fn pool() -> Option<Arc<ThreadPool>> {
    let process = std::process::id();
    let mut slot = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((owner, pool)) = slot.as_ref()
        && *owner == process
    {
        return Some(Arc::clone(pool));
    }
    let asked = std::env::var("LAKEBED_THREADS").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    let built = ThreadPoolBuilder::new().num_threads(asked).thread_name(|i| format!("lakebed-{i}")).build();
    let pool = Arc::new(built.ok()?);
    // The parent's pool cannot be joined here: its threads are not in this process.
    std::mem::forget(slot.replace((process, Arc::clone(&pool))));
    Some(pool)
}
