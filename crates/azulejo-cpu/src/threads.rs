//! Threads: a rayon pool where there are threads, a plain loop where there are none.
//!
//! A step runs within [`Threads::run`], so that its caller is one of the pool's own threads and the others stay awake
//! from one call of a kernel to the next. Handing work to a second thread and waiting for it then costs 2.3 us (46.2 us
//! of work take 25.4 us on two threads of an EPYC of 2021), some 4 % of a small model's decoded token, whose 60 calls
//! of this kind take 50 us each: too little to write a pool of our own for.

use crate::CpuError;

/// The threads of a back-end.
#[derive(Debug)]
pub(crate) struct Threads {
    count: usize,
    #[cfg(not(target_family = "wasm"))]
    pool: Option<rayon::ThreadPool>,
}

impl Threads {
    /// So many threads; as many as the machine runs at once where nothing is said.
    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn new(count: Option<usize>) -> Result<Self, CpuError> {
        let available = || std::thread::available_parallelism().map_or(1, usize::from);
        let count = count.unwrap_or_else(available).max(1);
        let build = || {
            rayon::ThreadPoolBuilder::new()
                .num_threads(count)
                .thread_name(|i| format!("azulejo-cpu-{i}"))
                .build()
        };
        let error =
            |e: rayon::ThreadPoolBuildError| CpuError::Threads { threads: count, reason: e.to_string() };
        let pool = if count > 1 { Some(build().map_err(error)?) } else { None };
        Ok(Self { count, pool })
    }

    /// One thread, the caller's.
    #[cfg(target_family = "wasm")]
    pub(crate) fn new(_count: Option<usize>) -> Result<Self, CpuError> {
        Ok(Self { count: 1 })
    }

    /// How many.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Runs `f` on one of the threads.
    pub(crate) fn run<R: Send>(&self, f: impl FnOnce() -> R + Send) -> R {
        #[cfg(not(target_family = "wasm"))]
        if let Some(pool) = &self.pool {
            return pool.install(f);
        }
        f()
    }

    /// Hands every item to `f`, on all threads.
    pub(crate) fn for_each<T: Send>(&self, items: Vec<T>, f: impl Fn(T) + Sync + Send) {
        #[cfg(not(target_family = "wasm"))]
        if self.pool.is_some() && items.len() > 1 {
            use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
            return self.run(|| items.into_par_iter().with_max_len(1).for_each(f));
        }
        items.into_iter().for_each(f);
    }

    /// Hands chunks of `chunk` elements (the last may be shorter) to `f`, with the index of each one's first element.
    pub(crate) fn chunks<T: Send>(
        &self,
        items: &mut [T],
        chunk: usize,
        f: impl Fn(usize, &mut [T]) + Sync + Send,
    ) {
        #[cfg(not(target_family = "wasm"))]
        if self.pool.is_some() && items.len() > chunk {
            use rayon::iter::{IndexedParallelIterator, ParallelIterator};
            use rayon::slice::ParallelSliceMut;
            let each = |(i, part): (usize, &mut [T])| f(i * chunk, part);
            return self.run(|| items.par_chunks_mut(chunk).with_max_len(1).enumerate().for_each(each));
        }
        for (i, part) in items.chunks_mut(chunk).enumerate() {
            f(i * chunk, part);
        }
    }
}
