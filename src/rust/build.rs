//! Runs only when `.cargo/config.toml` is missing: that file, which `./configure`
//! generates, replaces this script by telling cargo where the native libraries are.

fn main() {
    eprintln!(
        "rmlx: .cargo/config.toml is missing, so cargo does not know where MLX is.\n\
         Run ./configure in the package's folder first (R CMD INSTALL and make do so)."
    );
    std::process::exit(1);
}
