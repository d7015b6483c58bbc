//! The arrays that a transformation takes from R and gives back.
use crate::device::Device;
use crate::error::{guarded, raise, Result};
use crate::ffi::*;
use crate::handle::{self, Placed};
use crate::keep::{keeper, kept};
use crate::mlx::{self, Arrays};
use crate::object;
use std::cell::RefCell;

/// A list of R arrays. It owns nothing, so that R may jump past it.
#[derive(Clone, Copy)]
pub struct Leaves {
    handles: SEXP,
}

impl Leaves {
    /// Of a list of mlx arrays; anything else in it is an error. Protects one object, for good: the
    /// entry unprotects it.
    ///
    /// # Safety
    /// On R's main thread; the caller owns nothing (this may jump).
    pub unsafe fn protect(list: SEXP) -> Leaves {
        let n = XLENGTH(list);
        // Looking at a vector may allocate in R, so it is done before anything is owned.
        let handles = Rf_protect(Rf_allocVector(SEXPTYPE::VECSXP, n));
        for i in 0..n {
            SET_VECTOR_ELT(handles, i, object::mlx_handle(VECTOR_ELT(list, i)));
        }
        Leaves { handles }
    }

    /// How many.
    pub fn count(self) -> usize {
        // SAFETY: a protected list.
        unsafe { XLENGTH(self.handles) as usize }
    }

    /// Their devices.
    pub fn devices(self) -> Vec<Device> {
        // SAFETY: a protected list of handles.
        (0..self.count())
            .map(|i| unsafe { handle::device(VECTOR_ELT(self.handles, i as R_xlen_t)) })
            .collect()
    }

    /// The arrays.
    pub fn arrays(self) -> Result<Arrays> {
        let arrays = Arrays::new();
        for i in 0..self.count() {
            // SAFETY: a protected list of handles; the list counts its own reference.
            unsafe {
                let ctx = handle::address(VECTOR_ELT(self.handles, i as R_xlen_t))?;
                arrays.push(mlx::borrow(&ctx))?;
            }
        }
        Ok(arrays)
    }
}

/// Arrays on their way to R, whose number is not known before.
#[derive(Default)]
pub struct Results(RefCell<Vec<Placed>>);

impl Results {
    /// An empty list that R keeps; the caller protects it.
    ///
    /// # Safety
    /// On R's main thread; the caller owns nothing (this may jump).
    pub unsafe fn keeper() -> SEXP {
        keeper(|| Ok(Results::default()))
    }

    /// Appends arrays; `device` tells where each is.
    ///
    /// # Safety
    /// `slot` is a [`Results::keeper`].
    pub unsafe fn add(slot: SEXP, arrays: &Arrays, device: impl Fn(usize) -> Device) -> Result<()> {
        let mut list = kept::<Results>(slot).0.borrow_mut();
        for i in 0..arrays.count() {
            list.push(Placed::new(arrays.get(i)?, device(i)));
        }
        Ok(())
    }

    /// The arrays as an R list, which the caller protects.
    ///
    /// # Safety
    /// As [`Results::keeper`]; `slot` is protected.
    pub unsafe fn to_r(slot: SEXP) -> SEXP {
        let n = kept::<Results>(slot).0.borrow().len();
        let out = Rf_protect(Rf_allocVector(SEXPTYPE::VECSXP, n as R_xlen_t));
        for i in 0..n {
            let fresh = Rf_protect(handle::new());
            let filled = guarded(|| {
                let list = kept::<Results>(slot).0.borrow();
                let array = mlx::share(&list[i].array)?;
                handle::fill(fresh, Placed::new(array, list[i].device));
                Ok(())
            });
            if filled.is_none() {
                raise();
            }
            SET_VECTOR_ELT(out, i as R_xlen_t, object::wrap(fresh));
            Rf_unprotect(1);
        }
        kept::<Results>(slot).0.borrow_mut().clear();
        Rf_unprotect(1);
        out
    }
}
