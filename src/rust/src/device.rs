//! Devices.
use crate::convert::from_r::float64_on_gpu;
use crate::dtype::Dtype;
use crate::entry;
use crate::error::{check, Error, Result};
use crate::ffi::*;
use crate::keep::{keeper, kept, texts};
use crate::mlx;
use crate::operand::Operand;
use crate::stream::{self, Stream};
use mlx_sys::mlx_stream;
use std::cell::Cell;
use std::ffi::CStr;

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
    /// MLX's own default device, see [`Device::stream`].
    static LED: Cell<Device> = const { Cell::new(Device::Cpu) };
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

    /// A `device` argument: a name, or a stream, on which the rest of this entry then runs.
    ///
    /// # Safety
    /// `x` is live and protected.
    pub unsafe fn of(x: SEXP) -> Result<Device> {
        match Stream::of(x)? {
            Some(stream) => Ok(stream.choose()),
            None => match entry::string(x) {
                Some(text) => Device::parse(&text),
                None => Err(Error::Device(
                    "a device must be one string, \"cpu\" or \"gpu\", or a stream.".into(),
                )),
            },
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

    /// The stream that this device's operations are queued on. MLX's own default device becomes this
    /// one: some of its operations make zeros there, whatever stream they are told to use.
    pub fn stream(self) -> mlx_stream {
        if LED.with(Cell::get) != self {
            lead(self);
        }
        let ctx = stream::chosen(self).unwrap_or(STREAMS.with(Cell::get)[self as usize]);
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

/// Makes a device MLX's own default one, where there are two.
#[cold]
fn lead(device: Device) {
    if !has_gpu() {
        return;
    }
    // SAFETY: a valid device, which is copied.
    let set = with_raw(device, |raw| {
        check(unsafe { mlx_sys::mlx_set_default_device(raw) })
    });
    // failure shows where the device is used
    if set.is_ok() {
        LED.with(|led| led.set(device));
    }
}

/// Whether a stream that an operation was told to use is a gpu's.
pub fn on_gpu(s: mlx_stream) -> bool {
    let [cpu, gpu] = STREAMS.with(Cell::get);
    s.ctx != cpu && (s.ctx == gpu || stream::chosen(Device::Gpu) == Some(s.ctx))
}

/// Sets the device of new arrays.
pub fn set_default(device: Device) {
    DEFAULT.with(|d| d.set(device));
}

/// Makes a stream the default of a device; its handle is kept for good.
pub fn adopt(stream: mlx_stream, device: Device) -> Result<()> {
    stream::set_default(stream)?;
    let mut all = STREAMS.with(Cell::get);
    all[device as usize] = stream.ctx;
    if device == Device::Cpu && !has_gpu() {
        all[Device::Gpu as usize] = stream.ctx;
    }
    STREAMS.with(|s| s.set(all));
    Ok(())
}

/// Opens the default streams of the main thread and picks the default device.
pub fn start() {
    let gpu = has_gpu();
    STREAMS.with(|s| s.set(mlx::default_streams(gpu)));
    set_default(if gpu { Device::Gpu } else { Device::Cpu });
    LED.with(|led| led.set(default())); // MLX chooses as we do
}

/// Runs `f` with mlx-c's name of a device.
pub fn with_raw<T>(device: Device, f: impl FnOnce(mlx_sys::mlx_device) -> Result<T>) -> Result<T> {
    let kind = match device {
        Device::Cpu => mlx_sys::mlx_device_type__MLX_CPU,
        Device::Gpu => mlx_sys::mlx_device_type__MLX_GPU,
    };
    // SAFETY: a device of our own, freed below.
    unsafe {
        let raw = mlx_sys::mlx_device_new_type(kind, 0);
        let out = f(raw);
        mlx_sys::mlx_device_free(raw);
        out
    }
}

/// What MLX tells of a device: names and values in turn, numbers after "#".
fn facts(device: Device) -> Result<Vec<String>> {
    struct Facts(mlx_sys::mlx_device_info, mlx_sys::mlx_vector_string);
    impl Drop for Facts {
        fn drop(&mut self) {
            // SAFETY: both are ours.
            unsafe {
                mlx_sys::mlx_device_info_free(self.0);
                mlx_sys::mlx_vector_string_free(self.1);
            }
        }
    }
    with_raw(device, |raw| {
        let mut out = Vec::new();
        // SAFETY: valid objects; the texts are copied at once.
        unsafe {
            let mut facts = Facts(
                mlx_sys::mlx_device_info_new(),
                mlx_sys::mlx_vector_string_new(),
            );
            check(mlx_sys::mlx_device_info_get(&mut facts.0, raw))?;
            check(mlx_sys::mlx_device_info_get_keys(&mut facts.1, facts.0))?;
            for i in 0..mlx_sys::mlx_vector_string_size(facts.1) {
                let mut key = std::ptr::null_mut();
                check(mlx_sys::mlx_vector_string_get(&mut key, facts.1, i))?;
                let mut is_text = false;
                check(mlx_sys::mlx_device_info_is_string(
                    &mut is_text,
                    facts.0,
                    key,
                ))?;
                let value = if is_text {
                    let mut text = std::ptr::null();
                    check(mlx_sys::mlx_device_info_get_string(&mut text, facts.0, key))?;
                    CStr::from_ptr(text).to_string_lossy().into_owned()
                } else {
                    let mut number = 0;
                    check(mlx_sys::mlx_device_info_get_size(&mut number, facts.0, key))?;
                    format!("#{number}")
                };
                out.push(CStr::from_ptr(key).to_string_lossy().into_owned());
                out.push(value);
            }
        }
        Ok(out)
    })
}

/// Bytes of the gpu's memory, if there is one that tells.
pub fn gpu_memory() -> Option<usize> {
    if !has_gpu() {
        return None;
    }
    let facts = facts(Device::Gpu).ok()?;
    // by CUDA's name for it, and by Metal's
    let told = facts
        .chunks(2)
        .find(|fact| fact[0] == "total_memory" || fact[0] == "memory_size")?;
    let bytes = told.get(1)?.strip_prefix('#')?.parse().ok()?;
    (bytes > 0).then_some(bytes)
}

/// How many devices of a kind there are.
fn count(gpu: bool) -> Result<i32> {
    let mut count = 0;
    let kind = if gpu {
        mlx_sys::mlx_device_type__MLX_GPU
    } else {
        mlx_sys::mlx_device_type__MLX_CPU
    };
    // SAFETY: writes one number.
    check(unsafe { mlx_sys::mlx_device_count(&mut count, kind) })?;
    Ok(count)
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

/// A device's name, also of one that is not here.
unsafe fn is_gpu(name: SEXP) -> Result<bool> {
    match entry::string(name).as_deref() {
        Some("gpu") => Ok(true),
        _ => Device::of(name).map(|device| device == Device::Gpu),
    }
}

/// `.Call`: how many devices of a kind there are.
unsafe extern "C" fn device_count(name: SEXP) -> SEXP {
    Rf_ScalarInteger(entry::plain(|| count(is_gpu(name)?)))
}

/// `.Call`: what MLX tells of a device, as "name", "value" strings in turn, numbers after "#".
unsafe extern "C" fn device_info(name: SEXP) -> SEXP {
    let told = Rf_protect(keeper(|| facts(Device::of(name)?)));
    let all = kept::<Vec<String>>(told);
    let out = texts(all.len(), |i| &all[i]);
    Rf_unprotect(1);
    out
}

/// `.Call`: whether MLX was built with Metal, and with CUDA, and can use it.
unsafe extern "C" fn device_backends() -> SEXP {
    let (mut metal, mut cuda) = (false, false);
    entry::plain(|| {
        check(mlx_sys::mlx_metal_is_available(&mut metal))?;
        check(mlx_sys::mlx_cuda_is_available(&mut cuda))
    });
    let out = Rf_allocVector(SEXPTYPE::LGLSXP, 2);
    *LOGICAL(out) = metal.into();
    *LOGICAL(out).add(1) = cuda.into();
    out
}

/// `.Call`: starts (a path) or ends (NULL) the recording of what Metal does.
unsafe extern "C" fn metal_capture(path: SEXP) -> SEXP {
    entry::plain(|| {
        let mut there = false;
        check(mlx_sys::mlx_metal_is_available(&mut there))?;
        if !there {
            return Err(Error::Device("this MLX has no Metal to record.".into()));
        }
        if path == R_NilValue {
            return check(mlx_sys::mlx_metal_stop_capture());
        }
        check(mlx_sys::mlx_metal_start_capture(R_CHAR(STRING_ELT(
            path, 0,
        ))))
    });
    R_NilValue
}

crate::ffi::routines![
    device_set_default / 1,
    device_count / 1,
    device_info / 1,
    device_backends / 0,
    metal_capture / 1
];
