//! How deep a graph MLX may be given: some of its functions call themselves for every operation that
//! another one waits for, and a stack that ends kills the process. (Derivatives and vmap are ours, and
//! loops.)
use crate::error::{Error, Result};
use crate::mlx::{self, Arrays};

/// What is going to walk through a graph.
#[derive(Clone, Copy, PartialEq)]
pub enum Walk {
    /// compile and export to a file.
    Trace,
    /// The graph as text.
    Show,
}

impl Walk {
    /// Stack that one operation takes. Measured of MLX 0.32.2 on Linux (x86-64): 144 and 112 bytes,
    /// plus what another build or compiler may need.
    fn bytes(self) -> usize {
        let measured = match self {
            Walk::Show => 112,
            Walk::Trace => 144,
        };
        if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
            measured + measured / 8
        } else {
            measured * 2
        }
    }

    fn name(self) -> &'static str {
        match self {
            Walk::Trace => "trace",
            Walk::Show => "show",
        }
    }
}

/// Kept for what is called at the far end of the walk.
const RESERVE: usize = 256 << 10;
/// A depth that every stack has room for: R itself does not run with less than this.
const SHALLOW: usize = 1000;

/// Errors if the graph of `results` is too deep for the stack that is left here.
pub fn check(results: &Arrays, walk: Walk) -> Result<()> {
    let depth = mlx::depth(results)?;
    if depth <= SHALLOW {
        return Ok(());
    }
    let (size, left) = mlx::stack();
    if size == 0 {
        return Ok(()); // the system does not say
    }
    let most = left.saturating_sub(RESERVE) / walk.bytes();
    if depth <= most {
        return Ok(());
    }
    let needed = (depth * walk.bytes() + RESERVE + (size - left)) >> 10;
    Err(Error::Depth(format!(
        "the result depends on a chain of {depth} operations, each waiting for the one before. To {} it, MLX needs stack for every one of them; this session's stack of {} MB has room for {most}. Give a part of the loop to mlx_checkpoint(), which counts as one operation; call mlx_eval() on arrays that were computed in a loop outside of the function; or start R after `ulimit -s {}`.",
        walk.name(),
        size >> 20,
        (needed + needed / 4).next_multiple_of(1024),
    )))
}
