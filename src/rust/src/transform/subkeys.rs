//! Random numbers in a function that is being compiled: draws without a key take subkeys of one key,
//! which is an input of the compiled function and gets fresh bits in every call.
use crate::device::Device;
use crate::error::{check, Error, Result};
use crate::mlx::{self, Array};
use std::cell::{Cell, RefCell};

thread_local! {
    /// Whether a function is being compiled.
    static TRACING: Cell<bool> = const { Cell::new(false) };
    /// What the next subkey is split off.
    static KEY: RefCell<Option<Array>> = const { RefCell::new(None) };
    static DRAWN: Cell<bool> = const { Cell::new(false) };
}

/// A function that is being compiled; only one is at a time.
pub struct Subkeys(());

impl Subkeys {
    /// Its trace starts.
    pub fn begin() -> Subkeys {
        TRACING.with(|tracing| tracing.set(true));
        DRAWN.with(|drawn| drawn.set(false));
        Subkeys(())
    }

    /// Whether it drew random numbers.
    pub fn drawn(&self) -> bool {
        DRAWN.with(Cell::get)
    }
}

impl Drop for Subkeys {
    fn drop(&mut self) {
        TRACING.with(|tracing| tracing.set(false));
        KEY.with(|key| *key.borrow_mut() = None);
    }
}

/// Whether a function is being compiled.
pub fn is_tracing() -> bool {
    TRACING.with(Cell::get)
}

/// The stand-in for the key.
pub fn start_from(key: &Array) -> Result<()> {
    let key = mlx::share(key)?;
    KEY.with(|slot| *slot.borrow_mut() = Some(key));
    Ok(())
}

/// A key that no other draw of this trace has.
pub fn next() -> Result<Array> {
    KEY.with(|slot| {
        let Some(key) = slot.borrow_mut().take() else {
            return Err(Error::Internal("no key to split".into()));
        };
        let none = mlx_sys::mlx_array_ {
            ctx: std::ptr::null_mut(),
        };
        let (mut rest, mut own) = (none, none);
        // SAFETY: a live key; both results are ours.
        check(unsafe {
            mlx_sys::mlx_random_split(&mut rest, &mut own, key.as_ptr(), Device::Cpu.stream())
        })?;
        let own = mlx::own(own)?;
        *slot.borrow_mut() = Some(mlx::own(rest)?);
        DRAWN.with(|drawn| drawn.set(true));
        Ok(own)
    })
}
