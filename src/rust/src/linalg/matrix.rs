//! Ordinary operations on stacks of matrices (the last two axes), as factorizations and their
//! gradients use them.
use crate::device::Device;
use crate::dtype::Dtype;
use crate::error::Result;
use crate::exact::Graph;
use crate::mlx::{self, Array};
use crate::op::reduce::attained;

/// Where factorizations run: MLX has them for the CPU only.
pub fn cpu() -> Graph {
    Graph(Device::Cpu.stream())
}

/// Rows and columns.
pub fn extents(x: &Array) -> (i32, i32) {
    let shape = mlx::shape(x);
    (shape[shape.len() - 2], shape[shape.len() - 1])
}

/// The axes before the last two.
pub fn batch(x: &Array) -> &[i32] {
    let shape = mlx::shape(x);
    &shape[..shape.len() - 2]
}

/// The batch axes followed by others.
pub fn batched(x: &Array, rest: &[i32]) -> Vec<i32> {
    [batch(x), rest].concat()
}

impl Graph {
    /// x'
    pub fn t(self, x: &Array) -> Result<Array> {
        let rank = mlx::rank(x);
        let mut order: Vec<i32> = (0..rank as i32).collect();
        order.swap(rank - 2, rank - 1);
        mlx::permute(x, &order, self.0)
    }

    /// x y
    pub fn matmul(self, x: &Array, y: &Array) -> Result<Array> {
        mlx::binary(mlx_sys::mlx_matmul, x, y, self.0)
    }

    /// |x|
    pub fn abs(self, x: &Array) -> Result<Array> {
        mlx::unary(mlx_sys::mlx_abs, x, self.0)
    }

    /// The lower triangle from the k-th diagonal on down.
    pub fn tril(self, x: &Array, k: i32) -> Result<Array> {
        if mlx::size(x) == 0 {
            return mlx::share(x);
        }
        mlx::triangle(x, k, false, self.0)
    }

    /// The upper triangle from the k-th diagonal on up.
    pub fn triu(self, x: &Array, k: i32) -> Result<Array> {
        if mlx::size(x) == 0 {
            return mlx::share(x);
        }
        mlx::triangle(x, k, true, self.0)
    }

    /// One triangle of x, without the diagonal if `k` is 1.
    pub fn triangle(self, x: &Array, upper: bool, k: i32) -> Result<Array> {
        if upper {
            self.triu(x, k)
        } else {
            self.tril(x, -k)
        }
    }

    /// The symmetric matrix of one triangle of x.
    pub fn symmetric_of(self, x: &Array, upper: bool) -> Result<Array> {
        let other = self.t(&self.triangle(x, upper, 1)?)?;
        self.add(&self.triangle(x, upper, 0)?, &other)
    }

    /// (x + x') / 2
    pub fn symmetrised(self, x: &Array) -> Result<Array> {
        self.scale(&self.add(x, &self.t(x)?)?, 0.5)
    }

    /// The identity, as a mask.
    pub fn eye_mask(self, n: i32) -> Result<Array> {
        if n == 0 {
            let no = mlx::scalar(0.0, Dtype::Bool, self.0)?;
            return mlx::full(&[0, 0], &no, Dtype::Bool, self.0);
        }
        // SAFETY: plain numbers.
        mlx::out(|o| unsafe { mlx_sys::mlx_eye(o, n, n, 0, Dtype::Bool.into(), self.0) })
    }

    /// The main diagonal.
    pub fn diagonal(self, x: &Array) -> Result<Array> {
        let (m, n) = extents(x);
        if m.min(n) == 0 || mlx::size(x) == 0 {
            return self.constant(&batched(x, &[m.min(n)]), 0.0, x);
        }
        // a sum of one element each: MLX's own has no second forward derivative
        let k = m.min(n);
        let square = self.rows(&self.columns(x, 0, k)?, 0, k)?;
        let alone = mlx::select(&self.eye_mask(k)?, &square, &self.scalar(0.0, x)?, self.0)?;
        mlx::reduce(mlx_sys::mlx_sum_axes, &alone, &last(x, 1), false, self.0)
    }

    /// The diagonal matrix of the last axis.
    pub fn diagonal_matrix(self, v: &Array) -> Result<Array> {
        let n = mlx::shape(v)[mlx::rank(v) - 1];
        let rows = self.as_column(v)?;
        mlx::select(&self.eye_mask(n)?, &rows, &self.scalar(0.0, v)?, self.0)
    }

    /// v as columns: a new last axis.
    pub fn as_column(self, v: &Array) -> Result<Array> {
        self.expand(v, -1)
    }

    /// v as rows: a new axis before the last.
    pub fn as_row(self, v: &Array) -> Result<Array> {
        self.expand(v, -2)
    }

    fn expand(self, v: &Array, axis: i32) -> Result<Array> {
        // SAFETY: a valid handle.
        mlx::out(|o| unsafe { mlx_sys::mlx_expand_dims(o, v.as_ptr(), axis, self.0) })
    }

    /// The number `value` everywhere, in the dtype of `like`.
    pub fn constant(self, shape: &[i32], value: f64, like: &Array) -> Result<Array> {
        mlx::full(shape, &self.scalar(value, like)?, mlx::dtype(like), self.0)
    }

    /// Columns or rows from `from` up to but not with `to`.
    pub fn part(self, x: &Array, axis_from_end: usize, from: i32, to: i32) -> Result<Array> {
        let shape = mlx::shape(x).to_vec();
        let k = shape.len() - axis_from_end;
        let (mut start, mut stop) = (vec![0; shape.len()], shape.clone());
        (start[k], stop[k]) = (from, to);
        mlx::slice(x, &start, &stop, &vec![1; shape.len()], self.0)
    }

    /// Some columns.
    pub fn columns(self, x: &Array, from: i32, to: i32) -> Result<Array> {
        self.part(x, 1, from, to)
    }

    /// Some rows.
    pub fn rows(self, x: &Array, from: i32, to: i32) -> Result<Array> {
        self.part(x, 2, from, to)
    }

    /// Two matrices beside each other.
    pub fn beside(self, x: &Array, y: &Array) -> Result<Array> {
        self.join(x, y, 1)
    }

    /// Two matrices, one above the other.
    pub fn above(self, x: &Array, y: &Array) -> Result<Array> {
        self.join(x, y, 2)
    }

    fn join(self, x: &Array, y: &Array, axis_from_end: usize) -> Result<Array> {
        let axis = (mlx::rank(x) - axis_from_end) as i32;
        mlx::concatenate(&[mlx::share(x)?, mlx::share(y)?], axis, self.0)
    }

    /// The sum over the last `n` axes, kept.
    pub fn sum_last(self, x: &Array, n: usize) -> Result<Array> {
        mlx::reduce(mlx_sys::mlx_sum_axes, x, &last(x, n), true, self.0)
    }

    /// The maximum over the last axis; of nothing it is 0.
    pub fn max_last(self, x: &Array) -> Result<Array> {
        let shape = mlx::shape(x);
        if shape[shape.len() - 1] == 0 {
            return self.constant(&shape[..shape.len() - 1], 0.0, x);
        }
        attained(mlx_sys::mlx_max_axes, x, &last(x, 1), false, self.0)
    }

    /// not x
    pub fn not(self, x: &Array) -> Result<Array> {
        mlx::unary(mlx_sys::mlx_logical_not, x, self.0)
    }

    /// x and y
    pub fn and(self, x: &Array, y: &Array) -> Result<Array> {
        mlx::binary(mlx_sys::mlx_logical_and, x, y, self.0)
    }

    /// x or y
    pub fn or(self, x: &Array, y: &Array) -> Result<Array> {
        mlx::binary(mlx_sys::mlx_logical_or, x, y, self.0)
    }

    /// x == 0
    pub fn is_zero(self, x: &Array) -> Result<Array> {
        mlx::binary(mlx_sys::mlx_equal, x, &self.scalar(0.0, x)?, self.0)
    }

    /// x > y
    pub fn greater(self, x: &Array, y: &Array) -> Result<Array> {
        mlx::binary(mlx_sys::mlx_greater, x, y, self.0)
    }

    /// The number `value` where the mask holds, else x.
    pub fn replace(self, mask: &Array, value: f64, x: &Array) -> Result<Array> {
        mlx::select(mask, &self.scalar(value, x)?, x, self.0)
    }

    /// Rows in the order of `at`, one order for each matrix.
    pub fn take_rows(self, x: &Array, at: &Array) -> Result<Array> {
        let at = self.as_column(at)?;
        let mut shape = mlx::shape(x).to_vec();
        let k = shape.len() - 2;
        shape[k] = mlx::shape(&at)[k];
        mlx::take_along(x, &mlx::broadcast(&at, &shape, self.0)?, -2, self.0)
    }

    /// The first position (from 1) on the last axis where the mask holds; 0 if nowhere. float32.
    pub fn first_true(self, mask: &Array) -> Result<Array> {
        let shape = mlx::shape(mask);
        let n = shape[shape.len() - 1];
        let number = mlx::astype(mask, Dtype::Float32, self.0)?;
        if mlx::size(mask) == 0 {
            return self.constant(&shape[..shape.len() - 1], 0.0, &number);
        }
        // n for the first position, 1 for the last, 0 where the mask does not hold
        let countdown = self.sub(
            &mlx::scalar(f64::from(n), Dtype::Float32, self.0)?,
            &mlx::astype(&mlx::iota(n, self.0)?, Dtype::Float32, self.0)?,
        )?;
        let most = self.max_last(&self.mul(&number, &countdown)?)?;
        let position = self.sub(
            &mlx::scalar(f64::from(n + 1), Dtype::Float32, self.0)?,
            &most,
        )?;
        let nowhere = self.is_zero(&most)?;
        self.replace(&nowhere, 0.0, &position)
    }
}

fn last(x: &Array, n: usize) -> Vec<i32> {
    let rank = mlx::rank(x);
    ((rank - n) as i32..rank as i32).collect()
}
