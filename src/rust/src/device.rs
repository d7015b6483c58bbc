//! Devices and the streams that work is queued on.
use crate::convert::from_r::float64_on_gpu;
use crate::dtype::Dtype;
use crate::entry;
use crate::error::{check, Error, Result};
use crate::ffi::*;
use crate::handle;
use crate::mlx;
use crate::operand::Operand;
use mlx_sys::mlx_stream;
use std::cell::Cell;
use std::ffi::c_void;

/// Where an array's operations run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// The processor.
    Cpu,
    /// Metal or CUDA.
    Gpu,
}

thread_local! {
    static DEFAULT: Cell<Device> = const { Cell::new(Device::Cpu) };
    /// The stream that the running entry was told to use.
    static CHOSEN: Cell<Option<Stream>> = const { Cell::new(None) };
    static STREAMS: Cell<[*mut std::ffi::c_void; 2]> = const { Cell::new([std::ptr::null_mut(); 2]) };
}

/// A stream that R holds as `list(ptr, device, index)` of class mlx_stream.
#[derive(Clone, Copy)]
struct Stream {
    ctx: *mut c_void,
    device: Device,
}

impl Stream {
    /// The stream of an R object; none if it is something else.
    unsafe fn of(x: SEXP) -> Result<Option<Stream>> {
        if TYPEOF(x) != SEXPTYPE::VECSXP || Rf_inherits(x, c"mlx_stream".as_ptr()) != Rboolean::TRUE
        {
            return Ok(None);
        }
        let gone = || {
            Error::Device("this stream is gone: streams live as long as the session that made them (`mlx_new_stream()`), and until `mlx_clear_streams()`.".into())
        };
        let handle = if XLENGTH(x) > 0 { VECTOR_ELT(x, 0) } else { x };
        if TYPEOF(handle) != SEXPTYPE::EXTPTRSXP {
            return Err(gone());
        }
        let ctx = R_ExternalPtrAddr(handle);
        if ctx.is_null() || handle::forked() {
            return Err(gone());
        }
        let device = mlx::stream_place(mlx_stream { ctx })?.0;
        Ok(Some(Stream { ctx, device }))
    }
}

/// The entry is over: its stream is the default one again.
pub fn end_of_entry() {
    CHOSEN.with(|c| c.set(None));
}

impl Device {
    /// "cpu" or "gpu".
    pub fn name(self) -> &'static str {
        match self {
            Device::Cpu => "cpu",
            Device::Gpu => "gpu",
        }
    }

    /// The device of a name; asking for a gpu where there is none is an error.
    pub fn parse(text: &str) -> Result<Device> {
        match text {
            "cpu" => Ok(Device::Cpu),
            "gpu" if has_gpu() => Ok(Device::Gpu),
            "gpu" => Err(Error::Device(
                "device \"gpu\" was asked for, but this MLX has no GPU: it needs Metal (Apple silicon) or the CUDA build (Linux). See `mlx_sitrep()`; use \"cpu\" here.".into(),
            )),
            other => Err(Error::Device(format!("`{other}` is not a device. Use \"cpu\" or \"gpu\"."))),
        }
    }

    /// A `device` argument: a name, or a stream, on which the rest of this entry then runs.
    ///
    /// # Safety
    /// `x` is live and protected.
    pub unsafe fn of(x: SEXP) -> Result<Device> {
        match Stream::of(x)? {
            None => Device::parse(&entry::string(x)?),
            Some(stream) => {
                CHOSEN.with(|c| c.set(Some(stream)));
                Ok(stream.device)
            }
        }
    }

    /// Where an operation runs: where it is told to (`on`), or (NULL) where its arrays are.
    ///
    /// # Safety
    /// As [`Device::of`].
    pub unsafe fn of_operation(on: SEXP, operands: &[&Operand]) -> Result<Device> {
        let device = if on == R_NilValue {
            operands
                .iter()
                .filter_map(|operand| operand.device())
                .reduce(Device::join)
                .unwrap_or_else(default)
        } else {
            Device::of(on)?
        };
        let wide = |operand: &&Operand| operand.dtype() == Some(Dtype::Float64);
        if device == Device::Gpu && operands.iter().any(wide) {
            return Err(float64_on_gpu());
        }
        Ok(device)
    }

    /// The stream that this device's operations are queued on.
    pub fn stream(self) -> mlx_stream {
        let ctx = match CHOSEN.with(Cell::get) {
            Some(stream) if stream.device == self => stream.ctx,
            _ => STREAMS.with(Cell::get)[self as usize],
        };
        mlx_stream { ctx }
    }

    /// gpu if either is.
    pub fn join(self, other: Device) -> Device {
        if self == Device::Gpu || other == Device::Gpu {
            Device::Gpu
        } else {
            Device::Cpu
        }
    }
}

/// Whether MLX can run on a GPU here.
pub fn has_gpu() -> bool {
    mlx::gpu_is_available()
}

/// The device of new arrays.
pub fn default() -> Device {
    DEFAULT.with(Cell::get)
}

/// Sets the device of new arrays.
pub fn set_default(device: Device) {
    DEFAULT.with(|d| d.set(device));
}

/// Opens the default streams of the main thread and picks the default device.
pub fn start() {
    let gpu = has_gpu();
    STREAMS.with(|s| s.set(mlx::default_streams(gpu)));
    set_default(if gpu { Device::Gpu } else { Device::Cpu });
}

mod entries {
    use extendr_api::prelude::*;

    /// Whether MLX has a usable GPU.
    #[extendr]
    fn device_has_gpu() -> bool {
        super::has_gpu()
    }

    /// The name of the default device.
    #[extendr]
    fn device_default() -> &'static str {
        super::default().name()
    }

    /// MLX's version.
    #[extendr]
    fn mlx_version() -> String {
        let mut out = String::new();
        // SAFETY: a string of our own, copied and freed.
        unsafe {
            let mut raw = mlx_sys::mlx_string_new();
            if mlx_sys::mlx_version(&mut raw) == 0 {
                out = std::ffi::CStr::from_ptr(mlx_sys::mlx_string_data(raw))
                    .to_string_lossy()
                    .into_owned();
            }
            mlx_sys::mlx_string_free(raw);
        }
        out
    }

    crate::ffi::routines![
        wrap__device_has_gpu / 0,
        wrap__device_default / 0,
        wrap__mlx_version / 0
    ];
}
pub use entries::ROUTINES as COLD_ROUTINES;

/// `.Call`: sets the device of new arrays.
unsafe extern "C" fn device_set_default(name: SEXP) -> SEXP {
    let device = entry::plain(|| Device::of(name));
    set_default(device);
    R_NilValue
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
    let holder = Rf_protect(R_MakeExternalPtr(
        std::ptr::null_mut(),
        R_NilValue,
        R_NilValue,
    ));
    R_RegisterCFinalizerEx(holder, Some(finalize), Rboolean::FALSE);
    Rf_unprotect(1);
    holder
}

/// `.Call`: a new stream's pointer (`kind` 1, 2: usable from any thread), or the pointer of the
/// default one (0).
unsafe extern "C" fn stream_make(device: SEXP, kind: SEXP) -> SEXP {
    let kind = Rf_asInteger(kind);
    let holder = Rf_protect(holder());
    let stream = entry::plain(|| mlx::make_stream(Device::of(device)?, kind));
    R_SetExternalPtrAddr(holder, stream.ctx);
    Rf_unprotect(1);
    holder
}

/// `.Call`: the index of a stream on its device.
unsafe extern "C" fn stream_index(pointer: SEXP) -> SEXP {
    let ctx = R_ExternalPtrAddr(pointer);
    let index = entry::plain(|| Ok(mlx::stream_place(mlx_stream { ctx })?.1));
    Rf_ScalarInteger(index)
}

/// `.Call`: makes a stream the default of its device.
unsafe extern "C" fn stream_set_default(x: SEXP) -> SEXP {
    entry::plain(|| {
        let Some(stream) = Stream::of(x)? else {
            return Err(Error::Argument("Expected an mlx_stream.".into()));
        };
        mlx::set_default_stream(mlx_stream { ctx: stream.ctx })?;
        let mut all = STREAMS.with(Cell::get);
        // a handle of our own: the R object may go
        all[stream.device as usize] = mlx::copy_stream(mlx_stream { ctx: stream.ctx })?.ctx;
        STREAMS.with(|s| s.set(all));
        Ok(())
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

/// `.Call`: how many devices of a kind there are.
unsafe extern "C" fn device_count(device: SEXP) -> SEXP {
    let count = entry::plain(|| {
        let name = entry::string(device)?;
        if name != "gpu" {
            Device::parse(&name)?;
        }
        mlx::count_devices(name == "gpu")
    });
    Rf_ScalarInteger(count)
}

crate::ffi::routines![
    device_set_default / 1,
    stream_make / 2,
    stream_index / 1,
    stream_set_default / 1,
    stream_synchronize / 1,
    device_count / 1
];
