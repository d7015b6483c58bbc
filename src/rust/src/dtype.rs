//! MLX's dtypes: their R names, kinds and what R vector stands for each.
use crate::entry;
use crate::error::{Error, Result};
use crate::ffi::{SEXP, SEXPTYPE};
pub use mlx_rs::Dtype;

/// Every dtype with the name that users write.
const NAMES: [(Dtype, &str); 14] = [
    (Dtype::Bool, "bool"),
    (Dtype::Uint8, "uint8"),
    (Dtype::Uint16, "uint16"),
    (Dtype::Uint32, "uint32"),
    (Dtype::Uint64, "uint64"),
    (Dtype::Int8, "int8"),
    (Dtype::Int16, "int16"),
    (Dtype::Int32, "int32"),
    (Dtype::Int64, "int64"),
    (Dtype::Float16, "float16"),
    (Dtype::Float32, "float32"),
    (Dtype::Float64, "float64"),
    (Dtype::Bfloat16, "bfloat16"),
    (Dtype::Complex64, "complex64"),
];

/// The name that users write.
pub fn name(dtype: Dtype) -> &'static str {
    NAMES
        .iter()
        .find(|(d, _)| *d == dtype)
        .map_or("unknown", |(_, n)| n)
}

/// The dtype of a name.
pub fn parse(text: &str) -> Result<Dtype> {
    NAMES
        .iter()
        .find(|(_, n)| *n == text)
        .map(|(d, _)| *d)
        .ok_or_else(|| {
            let all: Vec<_> = NAMES.iter().map(|(_, n)| *n).collect();
            let meant = match text {
                "double" | "numeric" => " Did you mean \"float64\"?",
                "float" | "single" => " Did you mean \"float32\"?",
                "half" => " Did you mean \"float16\"?",
                "integer" | "int" => " Did you mean \"int32\"?",
                "logical" | "boolean" => " Did you mean \"bool\"?",
                "complex" => " Did you mean \"complex64\"?",
                _ => "",
            };
            Error::Dtype(format!(
                "`{text}` is not a dtype of MLX.{meant} Use one of {}.",
                all.join(", ")
            ))
        })
}

/// The dtype that an R string names.
///
/// # Safety
/// `x` is live.
pub unsafe fn of(x: SEXP, what: &str) -> Result<Dtype> {
    match entry::string(x) {
        Some(text) => parse(&text),
        None => Err(Error::Dtype(format!(
            "{what} must be one string, the name of a dtype such as \"float32\"."
        ))),
    }
}

/// float16, bfloat16, float32 or float64.
pub fn is_float(dtype: Dtype) -> bool {
    matches!(
        dtype,
        Dtype::Float16 | Dtype::Bfloat16 | Dtype::Float32 | Dtype::Float64
    )
}

/// A real or complex floating dtype.
pub fn is_inexact(dtype: Dtype) -> bool {
    is_float(dtype) || dtype == Dtype::Complex64
}

/// A signed or unsigned integer (not bool).
pub fn is_integer(dtype: Dtype) -> bool {
    !is_inexact(dtype) && dtype != Dtype::Bool
}

/// Smallest and largest value of an integer dtype.
pub fn integer_range(dtype: Dtype) -> (i128, i128) {
    match dtype {
        Dtype::Uint8 => (0, u8::MAX.into()),
        Dtype::Uint16 => (0, u16::MAX.into()),
        Dtype::Uint32 => (0, u32::MAX.into()),
        Dtype::Uint64 => (0, u64::MAX.into()),
        Dtype::Int8 => (i8::MIN.into(), i8::MAX.into()),
        Dtype::Int16 => (i16::MIN.into(), i16::MAX.into()),
        Dtype::Int32 => (i32::MIN.into(), i32::MAX.into()),
        _ => (i64::MIN.into(), i64::MAX.into()),
    }
}

/// The R vector that stands for an array of this dtype (contract, section 5).
pub fn r_type(dtype: Dtype) -> SEXPTYPE {
    match dtype {
        Dtype::Bool => SEXPTYPE::LGLSXP,
        Dtype::Int8 | Dtype::Int16 | Dtype::Int32 | Dtype::Uint8 | Dtype::Uint16 => {
            SEXPTYPE::INTSXP
        }
        Dtype::Complex64 => SEXPTYPE::CPLXSXP,
        _ => SEXPTYPE::REALSXP,
    }
}

/// Bytes of one element.
pub fn size(dtype: Dtype) -> usize {
    match dtype {
        Dtype::Bool | Dtype::Uint8 | Dtype::Int8 => 1,
        Dtype::Uint16 | Dtype::Int16 | Dtype::Float16 | Dtype::Bfloat16 => 2,
        Dtype::Uint32 | Dtype::Int32 | Dtype::Float32 => 4,
        Dtype::Uint64 | Dtype::Int64 | Dtype::Float64 | Dtype::Complex64 => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_parses_to_its_dtype() {
        for (dtype, text) in NAMES {
            assert_eq!(parse(text).unwrap(), dtype);
            assert_eq!(name(dtype), text);
        }
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let text = parse("float128").unwrap_err().to_string();
        assert!(text.contains("float128") && text.contains("bfloat16"));
    }
}
