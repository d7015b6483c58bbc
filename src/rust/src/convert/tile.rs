//! Small blocks of a row-major matrix, turned within the first-level cache.

/// Bytes of a row that a block holds: two cache lines.
const ALONG: usize = 128;
/// Rows that a block holds.
pub const HEIGHT: usize = 64;
/// Most columns that a block holds.
const MOST: usize = 32;

/// Columns of a block of such elements.
pub const fn width<S>() -> usize {
    let fit = ALONG / size_of::<S>();
    if fit > MOST {
        MOST
    } else {
        fit
    }
}

/// A block by columns, each of which has room for [`HEIGHT`] elements.
pub struct Tile<S>([[S; HEIGHT]; MOST]);

impl<S: Copy> Tile<S> {
    /// One of which only what was turned into it is of use.
    pub fn new(any: S) -> Tile<S> {
        Tile([[any; HEIGHT]; MOST])
    }

    /// The first `height` elements of a column.
    pub fn column(&self, j: usize, height: usize) -> &[S] {
        &self.0[j][..height]
    }

    /// Takes `height` rows of `width` elements that begin at the start of `from`, `stride` apart.
    pub fn turn(&mut self, from: &[S], stride: usize, (height, width): (usize, usize)) {
        let edge = if cfg!(target_arch = "x86_64") && size_of::<S>().is_power_of_two() {
            16 / size_of::<S>().min(16)
        } else {
            1
        };
        let (tall, wide) = if edge > 1 {
            (height - height % edge, width - width % edge)
        } else {
            (0, 0)
        };
        for i in (0..tall).step_by(edge) {
            let rows = &from[i * stride..];
            assert!((edge - 1) * stride + wide <= rows.len() && i + edge <= HEIGHT && wide <= MOST);
            for j in (0..wide).step_by(edge) {
                // SAFETY: `edge` elements of as many rows and columns, as asserted.
                unsafe {
                    let to = self.0.as_mut_ptr().add(j).cast::<S>().add(i);
                    turn_square(rows.as_ptr().add(j), stride, to);
                }
            }
        }
        for i in 0..height {
            let row = &from[i * stride..][..width];
            let first = if i < tall { wide } else { 0 };
            for (column, &v) in self.0[first..width].iter_mut().zip(&row[first..]) {
                column[i] = v;
            }
        }
    }
}

/// Turns a square of as many elements along each side as a register holds: `from` by rows that are
/// `stride` elements apart, `to` by columns that are [`HEIGHT`] apart.
///
/// # Safety
/// All of these are there.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn turn_square<S>(from: *const S, stride: usize, to: *mut S) {
    use std::arch::x86_64::*;
    // To interleave the rows of the upper half with those of the lower one, as often as the side has
    // powers of two, turns the square.
    macro_rules! turn {
        ($n:literal, $low:ident, $high:ident) => {{
            let mut rows = [_mm_setzero_si128(); $n];
            for (i, row) in rows.iter_mut().enumerate() {
                *row = _mm_loadu_si128(from.add(i * stride).cast());
            }
            for _ in 0..usize::ilog2($n) {
                let mut next = rows;
                for i in 0..$n / 2 {
                    next[2 * i] = $low(rows[i], rows[i + $n / 2]);
                    next[2 * i + 1] = $high(rows[i], rows[i + $n / 2]);
                }
                rows = next;
            }
            for (j, &column) in rows.iter().enumerate() {
                _mm_storeu_si128(to.add(j * HEIGHT).cast(), column);
            }
        }};
    }
    match size_of::<S>() {
        1 => turn!(16, _mm_unpacklo_epi8, _mm_unpackhi_epi8),
        2 => turn!(8, _mm_unpacklo_epi16, _mm_unpackhi_epi16),
        4 => turn!(4, _mm_unpacklo_epi32, _mm_unpackhi_epi32),
        _ => turn!(2, _mm_unpacklo_epi64, _mm_unpackhi_epi64),
    }
}

/// Never called: elsewhere a square is one element.
#[cfg(not(target_arch = "x86_64"))]
unsafe fn turn_square<S>(_: *const S, _: usize, _: *mut S) {}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns<S: Copy + PartialEq>(number: impl Fn(usize) -> S) {
        let stride = MOST + 3;
        let from: Vec<S> = (0..HEIGHT * stride).map(number).collect();
        let sizes = [
            (HEIGHT, width::<S>()),
            (HEIGHT - 3, width::<S>() - 1),
            (1, 1),
        ];
        for (height, width) in sizes {
            let mut tile = Tile::new(from[0]);
            tile.turn(&from, stride, (height, width));
            for j in 0..width {
                for (i, &v) in tile.column(j, height).iter().enumerate() {
                    assert!(v == from[i * stride + j]);
                }
            }
        }
    }

    #[test]
    fn blocks_of_every_size_of_element_are_turned() {
        turns(|k| (k * 37 % 251) as u8);
        turns(|k| k as u16);
        turns(|k| k as u32);
        turns(|k| k as u64);
        turns(|k| [k as f32, -(k as f32)]);
        turns(|k| [k as u8, 1, 2]);
    }
}
