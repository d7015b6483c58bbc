//! Devices and the streams that work is queued on.
use crate::entry;
use crate::error::{Error, Result};
use crate::ffi::{R_NilValue, SEXP};
use crate::mlx;
use mlx_sys::mlx_stream;
use std::cell::Cell;

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
    static STREAMS: Cell<[*mut std::ffi::c_void; 2]> = const { Cell::new([std::ptr::null_mut(); 2]) };
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

    /// The device that an R string names.
    ///
    /// # Safety
    /// `x` is live.
    pub unsafe fn of(x: SEXP) -> Result<Device> {
        match entry::string(x) {
            Some(text) => Device::parse(&text),
            None => Err(Error::Device(
                "a device must be one string, \"cpu\" or \"gpu\".".into(),
            )),
        }
    }

    /// The stream that this device's operations are queued on.
    pub fn stream(self) -> mlx_stream {
        let ctx = STREAMS.with(Cell::get)[self as usize];
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

crate::ffi::routines![device_set_default / 1];
