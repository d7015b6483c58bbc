//! One pass over many elements, in several threads where that pays.
use crate::convert::tile::{self, Tile};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::OnceLock;
use std::thread;

/// A thread takes at least so many elements: to start one takes as long as some 1e5.
const SHARE: usize = 1 << 17;
/// More threads gain nothing: what they wait for is memory.
const MOST: usize = 4;
/// Elements between two looks at whether all were fine, so that the loop over them has no exit.
const BLOCK: usize = 1024;

/// Runs `work` on ranges that make up `0..n`, whose members stand for `weight` elements each.
fn share(n: usize, weight: usize, work: impl Fn(Range<usize>) + Sync) {
    static CORES: OnceLock<usize> = OnceLock::new();
    let count = || thread::available_parallelism().map_or(1, usize::from);
    let threads = (n * weight / SHARE).clamp(1, MOST);
    if threads == 1 {
        return work(0..n);
    }
    let threads = threads.min(*CORES.get_or_init(count));
    let range = |k: usize| n * k / threads..n * (k + 1) / threads;
    let (work, range) = (&work, &range);
    thread::scope(|scope| {
        for k in 1..threads {
            let theirs = thread::Builder::new().spawn_scoped(scope, move || work(range(k)));
            if theirs.is_err() {
                work(range(k)); // the system gives no more threads
            }
        }
        work(range(0));
    });
}

/// Runs a loop over elements, in the widest registers that it can be sure of.
fn widely<R>(work: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2")]
        unsafe fn with_avx2<R>(work: impl FnOnce() -> R) -> R {
            work()
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: as just asked.
            return unsafe { with_avx2(work) };
        }
    }
    work()
}

/// Where threads write, each elsewhere.
struct Target<T>(*mut T);
// SAFETY: `share` gives every element to one thread.
unsafe impl<T> Sync for Target<T> {}

impl<T> Target<T> {
    /// The elements of a range.
    ///
    /// # Safety
    /// They are elements of the target, and nobody else uses them meanwhile.
    #[allow(clippy::mut_from_ref)]
    unsafe fn part(&self, range: Range<usize>) -> &mut [T] {
        std::slice::from_raw_parts_mut(self.0.add(range.start), range.len())
    }
}

/// Writes `f` of every element.
///
/// # Safety
/// `to` has room for as many elements as `from` has.
pub unsafe fn each<S: Copy + Sync, T>(from: &[S], to: *mut T, f: impl Fn(S) -> T + Sync) {
    let to = Target(to);
    share(from.len(), 1, |range| {
        // SAFETY: as the caller promises; ranges do not overlap.
        let part = unsafe { to.part(range.clone()) };
        widely(|| {
            for (o, &v) in part.iter_mut().zip(&from[range]) {
                *o = f(v);
            }
        });
    });
}

/// Writes `f` of every element, which also says whether it is fine. The first that is not, if any; what
/// is written then is of no use.
///
/// # Safety
/// As [`each`].
pub unsafe fn each_checked<S: Copy + Sync, T>(
    from: &[S],
    to: *mut T,
    f: impl Fn(S) -> (T, bool) + Sync,
) -> Option<usize> {
    let to = Target(to);
    let first = AtomicUsize::new(usize::MAX);
    share(from.len(), 1, |range| {
        for start in range.clone().step_by(BLOCK) {
            let block = start..range.end.min(start + BLOCK);
            // SAFETY: as the caller promises; ranges do not overlap.
            let part = unsafe { to.part(block.clone()) };
            let fine = widely(|| {
                let mut fine = true;
                for (o, &v) in part.iter_mut().zip(&from[block.clone()]) {
                    let (value, ok) = f(v);
                    *o = value;
                    fine &= ok;
                }
                fine
            });
            if !fine {
                let at = from[block].iter().position(|&v| !f(v).1);
                first.fetch_min(start + at.unwrap_or(0), Ordering::Relaxed);
                return;
            }
        }
    });
    Some(first.into_inner()).filter(|&at| at != usize::MAX)
}

/// Writes `f` of every element; whether `special` holds for one.
///
/// # Safety
/// As [`each`].
pub unsafe fn each_noting<S: Copy + Sync, T>(
    from: &[S],
    to: *mut T,
    f: impl Fn(S) -> T + Sync,
    special: impl Fn(S) -> bool + Sync,
) -> bool {
    let to = Target(to);
    let found = AtomicBool::new(false);
    share(from.len(), 1, |range| {
        let mut any = false;
        for start in range.clone().step_by(BLOCK) {
            let block = start..range.end.min(start + BLOCK);
            // SAFETY: as the caller promises; ranges do not overlap.
            let part = unsafe { to.part(block.clone()) };
            any |= widely(|| {
                let mut any = false;
                for (o, &v) in part.iter_mut().zip(&from[block]) {
                    *o = f(v);
                    any |= special(v);
                }
                any
            });
        }
        found.fetch_or(any, Ordering::Relaxed);
    });
    found.into_inner()
}

/// A row-major matrix into column-major order, as [`each_noting`], in blocks that the first-level cache
/// holds.
///
/// # Safety
/// `from` has `nrow * ncol` elements and `to` room for as many.
pub unsafe fn turn<S: Copy + Sync, T>(
    from: &[S],
    to: *mut T,
    (nrow, ncol): (usize, usize),
    f: impl Fn(S) -> T + Sync,
    special: impl Fn(S) -> bool + Sync,
) -> bool {
    let to = Target(to);
    let found = AtomicBool::new(false);
    let edge = tile::width::<S>();
    share(ncol.div_ceil(edge), nrow * edge, |range| {
        let mut any = false;
        let mut block = Tile::new(from[0]);
        for j0 in range.map(|k| k * edge) {
            let width = edge.min(ncol - j0);
            for i0 in (0..nrow).step_by(tile::HEIGHT) {
                let height = tile::HEIGHT.min(nrow - i0);
                block.turn(&from[i0 * ncol + j0..], ncol, (height, width));
                any |= widely(|| {
                    let mut any = false;
                    for j in 0..width {
                        let start = (j0 + j) * nrow + i0;
                        // SAFETY: as the caller promises; column j0 + j is this thread's.
                        let part = unsafe { to.part(start..start + height) };
                        for (o, &v) in part.iter_mut().zip(block.column(j, height)) {
                            *o = f(v);
                            any |= special(v);
                        }
                    }
                    any
                });
            }
        }
        found.fetch_or(any, Ordering::Relaxed);
    });
    found.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_share_a_pass_without_gap_or_overlap() {
        for n in [0, 1, 1023, 3 * SHARE + 5] {
            let from: Vec<i32> = (0..n as i32).collect();
            let mut to = vec![-1i64; n];
            // SAFETY: as many elements.
            unsafe { each(&from, to.as_mut_ptr(), i64::from) };
            assert!(to.iter().enumerate().all(|(i, &v)| v == i as i64));
        }
    }

    #[test]
    fn the_first_bad_element_is_found_whichever_thread_meets_one() {
        let n = 4 * SHARE;
        let mut from = vec![1i32; n];
        let mut to = vec![0i32; n];
        let check = |v: i32| (v, v > 0);
        // SAFETY: as many elements.
        assert_eq!(unsafe { each_checked(&from, to.as_mut_ptr(), check) }, None);
        for bad in [n - 1, n / 2, 1500, 7] {
            from[bad] = -1;
            // SAFETY: as many elements.
            let found = unsafe { each_checked(&from, to.as_mut_ptr(), check) };
            assert_eq!(found, Some(bad));
        }
    }

    #[test]
    fn a_turned_matrix_has_its_elements_at_the_same_indices() {
        for (nrow, ncol) in [(1, 5), (33, 31), (700, 801)] {
            let from: Vec<i32> = (0..(nrow * ncol) as i32).collect();
            let mut to = vec![-1i32; nrow * ncol];
            let last = (nrow * ncol - 1) as i32;
            // SAFETY: as many elements.
            let noted = unsafe { turn(&from, to.as_mut_ptr(), (nrow, ncol), |v| v, |v| v == last) };
            assert!(noted);
            for j in 0..ncol {
                for i in 0..nrow {
                    assert_eq!(to[j * nrow + i], from[i * ncol + j]);
                }
            }
        }
    }
}
