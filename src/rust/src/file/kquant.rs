//! GGUF's "K" types: blocks of 256 weights with small scales inside. MLX has no products with them, so
//! they are read as the float16 numbers that they stand for.
use super::source::Source;
use crate::error::Result;
use half::f16;

/// Weights of a block.
pub const WEIGHTS: u64 = 256;

/// A type: its number in files, the bytes of a block, and what a block stands for.
type Kind = (u32, usize, fn(&[u8], &mut [f32]));

const KINDS: [Kind; 5] = [
    (10, 84, q2),
    (11, 110, q3),
    (12, 144, q4),
    (13, 176, q5),
    (14, 210, q6),
];

/// A tensor of such blocks.
#[derive(Clone, Copy)]
pub struct Tensor {
    at: u64,
    count: u64,
    bytes: usize,
    decode: fn(&[u8], &mut [f32]),
}

impl Tensor {
    /// `count` blocks of a type at a place; none if it is another type.
    pub fn of(kind: u32, at: u64, count: u64) -> Option<Tensor> {
        let (_, bytes, decode) = KINDS.iter().find(|(k, ..)| *k == kind)?;
        Some(Tensor {
            at,
            count,
            bytes: *bytes,
            decode: *decode,
        })
    }

    /// How many bytes the blocks take.
    pub fn length(&self) -> Option<u64> {
        self.count.checked_mul(self.bytes as u64)
    }

    /// Fills `target` with the numbers, as float16.
    pub fn read(&self, source: &Source, target: &mut [u8]) -> Result<()> {
        let mut block = vec![0; self.bytes];
        let mut numbers = [0f32; WEIGHTS as usize];
        for (i, out) in target.chunks_exact_mut(2 * WEIGHTS as usize).enumerate() {
            source.read_at(self.at + (i * self.bytes) as u64, &mut block)?;
            (self.decode)(&block, &mut numbers);
            for (o, v) in out.chunks_exact_mut(2).zip(numbers) {
                o.copy_from_slice(&f16::from_f32(v).to_le_bytes());
            }
        }
        Ok(())
    }
}

fn half(block: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([block[at], block[at + 1]]).to_f32()
}

/// Scale and minimum of group j, 6 bits each, of the 12 bytes that hold eight of both.
fn scale_and_least(packed: &[u8], j: usize) -> (f32, f32) {
    let (scale, least) = if j < 4 {
        (packed[j] & 63, packed[j + 4] & 63)
    } else {
        (
            packed[j + 4] & 15 | packed[j - 4] >> 6 << 4,
            packed[j + 4] >> 4 | packed[j] >> 6 << 4,
        )
    };
    (scale.into(), least.into())
}

/// 16 scales and minima of 4 bits, 64 bytes of 2-bit weights, two factors.
fn q2(block: &[u8], out: &mut [f32]) {
    let (factor, least) = (half(block, 80), half(block, 82));
    for (group, part) in out.chunks_exact_mut(16).enumerate() {
        let scale = block[group];
        let (a, b) = (
            factor * f32::from(scale & 15),
            least * f32::from(scale >> 4),
        );
        // 8 groups share 32 bytes, two of them each pair of bits
        let (bytes, shift) = (16 + group / 8 * 32 + group % 2 * 16, group % 8 / 2 * 2);
        for (o, q) in part.iter_mut().zip(&block[bytes..]) {
            *o = a * f32::from(q >> shift & 3) - b;
        }
    }
}

/// 32 bytes of high bits, 64 of low ones, 16 scales of 6 bits, a factor.
fn q3(block: &[u8], out: &mut [f32]) {
    let (high, low, packed) = (&block[..32], &block[32..96], &block[96..108]);
    let factor = half(block, 108);
    for (group, part) in out.chunks_exact_mut(16).enumerate() {
        let four = packed[group % 8] >> (group / 8 * 4) & 15;
        let two = packed[8 + group % 4] >> (group / 4 * 2) & 3;
        let scale = factor * (f32::from(four | two << 4) - 32.0);
        let (bytes, shift) = (group / 8 * 32 + group % 2 * 16, group % 8 / 2 * 2);
        for (l, o) in part.iter_mut().enumerate() {
            let q = low[bytes + l] >> shift & 3;
            let there = high[group % 2 * 16 + l] >> (group / 2) & 1;
            *o = scale * (f32::from(q) - if there == 1 { 0.0 } else { 4.0 });
        }
    }
}

/// Two factors, 8 scales and minima of 6 bits, 128 bytes of 4-bit weights.
fn q4(block: &[u8], out: &mut [f32]) {
    let (factor, least) = (half(block, 0), half(block, 2));
    for (group, part) in out.chunks_exact_mut(32).enumerate() {
        let (scale, low) = scale_and_least(&block[4..16], group);
        let (bytes, shift) = (16 + group / 2 * 32, group % 2 * 4);
        for (o, q) in part.iter_mut().zip(&block[bytes..]) {
            *o = factor * scale * f32::from(q >> shift & 15) - least * low;
        }
    }
}

/// As q4, and before the weights 32 bytes of fifth bits.
fn q5(block: &[u8], out: &mut [f32]) {
    let (factor, least) = (half(block, 0), half(block, 2));
    let high = &block[16..48];
    for (group, part) in out.chunks_exact_mut(32).enumerate() {
        let (scale, low) = scale_and_least(&block[4..16], group);
        let (bytes, shift) = (48 + group / 2 * 32, group % 2 * 4);
        for (l, o) in part.iter_mut().enumerate() {
            let q = block[bytes + l] >> shift & 15 | (high[l] >> group & 1) << 4;
            *o = factor * scale * f32::from(q) - least * low;
        }
    }
}

/// 128 bytes of low bits, 64 of high ones, 16 scales of 8 bits, a factor.
fn q6(block: &[u8], out: &mut [f32]) {
    let (low, high, scales) = (&block[..128], &block[128..192], &block[192..208]);
    let factor = half(block, 208);
    for (group, part) in out.chunks_exact_mut(16).enumerate() {
        // 8 groups share 64 low and 32 high bytes
        let (side, within) = (group / 8, group % 8);
        let scale = factor * f32::from(scales[group] as i8);
        let (lows, shift) = (side * 64 + within % 4 * 16, within / 4 * 4);
        let (highs, by) = (side * 32 + within % 2 * 16, within / 2 * 2);
        for (l, o) in part.iter_mut().enumerate() {
            let q = low[lows + l] >> shift & 15 | (high[highs + l] >> by & 3) << 4;
            *o = scale * (f32::from(q) - 32.0);
        }
    }
}
