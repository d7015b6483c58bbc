//! Streams: queues of work on a device.
use crate::device::{self, adopt, has_gpu, Device};
use crate::entry;
use crate::error::{check, last_mlx_error, Error, Result};
use crate::ffi::*;
use crate::handle;
use mlx_sys::mlx_stream;
use std::cell::Cell;
use std::ffi::c_void;

thread_local! {
    /// The stream that the running entry was told to use.
    static CHOSEN: Cell<Option<Stream>> = const { Cell::new(None) };
}

/// A stream that R holds as `list(ptr, device, index)` of class mlx_stream.
#[derive(Clone, Copy)]
pub struct Stream {
    ctx: *mut c_void,
    device: Device,
}

impl Stream {
    /// The stream of an R object; none if it is something else.
    ///
    /// # Safety
    /// `x` is live and protected.
    pub unsafe fn of(x: SEXP) -> Result<Option<Stream>> {
        if TYPEOF(x) != SEXPTYPE::VECSXP || Rf_inherits(x, c"mlx_stream".as_ptr()) != Rboolean::TRUE
        {
            return Ok(None);
        }
        let gone = || {
            Error::Device("this stream is gone: streams live as long as the session that made them (`mlx_new_stream()`), and until `mlx_clear_streams()`.".into())
        };
        let handle = if XLENGTH(x) > 0 { VECTOR_ELT(x, 0) } else { x };
        let ours = TYPEOF(handle) == SEXPTYPE::EXTPTRSXP && R_ExternalPtrTag(handle) == tag();
        if !ours {
            return Err(gone());
        }
        let ctx = R_ExternalPtrAddr(handle);
        if ctx.is_null() || handle::forked() {
            return Err(gone());
        }
        let device = stream_place(mlx_stream { ctx })?.0;
        Ok(Some(Stream { ctx, device }))
    }

    /// The rest of the running entry works on this stream; its device.
    pub fn choose(self) -> Device {
        CHOSEN.with(|c| c.set(Some(self)));
        self.device
    }
}

/// The stream of a device that the running entry was told to use.
pub fn chosen(device: Device) -> Option<*mut c_void> {
    CHOSEN
        .with(Cell::get)
        .filter(|stream| stream.device == device)
        .map(|stream| stream.ctx)
}

/// The entry is over: its stream is the default one again.
pub fn end_of_entry() {
    CHOSEN.with(|c| c.set(None));
}

/// A stream of a device: its default one (`kind` 0), a new one (1), a new one that any thread may
/// use (2), this thread's own of one that every thread has (3).
fn make_stream(device: Device, kind: i32) -> Result<mlx_stream> {
    device::with_raw(device, |raw| {
        let mut stream = mlx_stream {
            ctx: std::ptr::null_mut(),
        };
        // SAFETY: a valid device.
        unsafe {
            match kind {
                0 => check(mlx_sys::mlx_get_default_stream(&mut stream, raw))?,
                1 => stream = mlx_sys::mlx_stream_new_device(raw),
                2 => stream = mlx_sys::mlx_stream_new_thread_unsafe(raw),
                _ => {
                    let local = mlx_sys::mlx_stream_thread_local_new(raw);
                    let status = mlx_sys::mlx_stream_from_thread_local(&mut stream, local);
                    mlx_sys::mlx_stream_thread_local_free(local);
                    check(status)?;
                }
            }
        }
        if stream.ctx.is_null() {
            return Err(last_mlx_error());
        }
        Ok(stream)
    })
}

/// A stream's device and its index there.
fn stream_place(stream: mlx_stream) -> Result<(Device, i32)> {
    let mut index = 0;
    let mut raw = mlx_sys::mlx_device {
        ctx: std::ptr::null_mut(),
    };
    let mut kind = mlx_sys::mlx_device_type__MLX_CPU;
    // SAFETY: a valid stream; the device is ours and freed.
    unsafe {
        check(mlx_sys::mlx_stream_get_index(&mut index, stream))?;
        check(mlx_sys::mlx_stream_get_device(&mut raw, stream))?;
        let status = mlx_sys::mlx_device_get_type(&mut kind, raw);
        mlx_sys::mlx_device_free(raw);
        check(status)?;
    }
    let device = if kind == mlx_sys::mlx_device_type__MLX_GPU {
        Device::Gpu
    } else {
        Device::Cpu
    };
    Ok((device, index))
}

/// Another handle of a stream.
fn copy_stream(stream: mlx_stream) -> Result<mlx_stream> {
    // SAFETY: a valid stream.
    unsafe {
        let mut out = mlx_sys::mlx_stream_new();
        check(mlx_sys::mlx_stream_set(&mut out, stream))?;
        Ok(out)
    }
}

/// Makes a stream the default of its device.
pub fn set_default(stream: mlx_stream) -> Result<()> {
    // SAFETY: a valid stream.
    check(unsafe { mlx_sys::mlx_set_default_stream(stream) })
}

/// What tells a stream's pointer from others.
unsafe fn tag() -> SEXP {
    Rf_install(c"mlx_stream".as_ptr())
}

/// An empty holder of a stream.
unsafe fn holder() -> SEXP {
    unsafe extern "C" fn finalize(holder: SEXP) {
        let ctx = R_ExternalPtrAddr(holder);
        R_ClearExternalPtr(holder);
        if !ctx.is_null() && !handle::forked() {
            mlx_sys::mlx_stream_free(mlx_stream { ctx }); // the handle; the stream itself stays
        }
    }
    let holder = Rf_protect(R_MakeExternalPtr(std::ptr::null_mut(), tag(), R_NilValue));
    R_RegisterCFinalizerEx(holder, Some(finalize), Rboolean::FALSE);
    Rf_unprotect(1);
    holder
}

/// `.Call`: the pointer of a stream, see [`make_stream`].
unsafe extern "C" fn stream_make(device: SEXP, kind: SEXP) -> SEXP {
    let kind = Rf_asInteger(kind);
    let holder = Rf_protect(holder());
    let stream = entry::plain(|| make_stream(Device::of(device)?, kind));
    R_SetExternalPtrAddr(holder, stream.ctx);
    Rf_unprotect(1);
    holder
}

/// `.Call`: the index of a stream on its device.
unsafe extern "C" fn stream_index(pointer: SEXP) -> SEXP {
    let ctx = R_ExternalPtrAddr(pointer);
    let index = entry::plain(|| Ok(stream_place(mlx_stream { ctx })?.1));
    Rf_ScalarInteger(index)
}

/// `.Call`: makes a stream the default of its device.
unsafe extern "C" fn stream_set_default(x: SEXP) -> SEXP {
    entry::plain(|| {
        let Some(stream) = Stream::of(x)? else {
            return Err(Error::Argument("Expected an mlx_stream. mlx_new_stream() makes one, mlx_default_stream() gives that of a device.".into()));
        };
        // a handle of our own: the R object may go
        let own = copy_stream(mlx_stream { ctx: stream.ctx })?;
        adopt(own, stream.device)
    });
    R_NilValue
}

/// `.Call`: waits until a device's default stream, or a stream, has done all its work.
unsafe extern "C" fn stream_synchronize(device: SEXP) -> SEXP {
    entry::plain(|| {
        let stream = Device::of(device)?.stream();
        check(mlx_sys::mlx_synchronize(stream))
    });
    R_NilValue
}

/// `.Call`: ends every stream; new ones are the default ones from now on. What was queued is done
/// first; arrays that were not evaluated can no longer be.
unsafe extern "C" fn stream_clear() -> SEXP {
    entry::plain(|| {
        let devices = if has_gpu() {
            &[Device::Cpu, Device::Gpu][..]
        } else {
            &[Device::Cpu]
        };
        for &device in devices {
            check(mlx_sys::mlx_synchronize(device.stream()))?;
        }
        check(mlx_sys::mlx_clear_streams())?;
        for &device in devices {
            adopt(make_stream(device, 1)?, device)?;
        }
        Ok(())
    });
    R_NilValue
}

crate::ffi::routines![
    stream_make / 2,
    stream_index / 1,
    stream_set_default / 1,
    stream_synchronize / 1,
    stream_clear / 0,
];
