//! Lists of arrays.
use super::{out, Array};
use crate::error::{check, Result};
use mlx_sys::mlx_vector_array;

/// A list of arrays as mlx-c wants it.
pub struct Arrays(pub mlx_vector_array);

impl Default for Arrays {
    fn default() -> Arrays {
        Arrays::new()
    }
}

impl Arrays {
    /// A new, empty list.
    pub fn new() -> Arrays {
        // SAFETY: a plain constructor.
        Arrays(unsafe { mlx_sys::mlx_vector_array_new() })
    }

    /// A list of these arrays.
    pub fn of(arrays: &[Array]) -> Result<Arrays> {
        let list = Arrays::new();
        arrays.iter().try_for_each(|a| list.push(a))?;
        Ok(list)
    }

    /// Appends one.
    pub fn push(&self, x: &Array) -> Result<()> {
        // SAFETY: valid handles; the list counts a reference.
        check(unsafe { mlx_sys::mlx_vector_array_append_value(self.0, x.as_ptr()) })
    }

    /// How many.
    pub fn count(&self) -> usize {
        // SAFETY: a valid list.
        unsafe { mlx_sys::mlx_vector_array_size(self.0) }
    }

    /// One of them.
    pub fn get(&self, i: usize) -> Result<Array> {
        // SAFETY: a valid list; MLX checks the position.
        out(|o| unsafe { mlx_sys::mlx_vector_array_get(o, self.0, i) })
    }
}

impl Drop for Arrays {
    fn drop(&mut self) {
        // SAFETY: the list is ours.
        unsafe { mlx_sys::mlx_vector_array_free(self.0) };
    }
}
