/* What R calls when it loads the package; all routines are registered in Rust. */
#include <R.h>
#include <Rinternals.h>
#include <R_ext/Rdynload.h>

extern void rmlx_register(DllInfo *dll);

void R_init_rmlx(DllInfo *dll)
{
    rmlx_register(dll);
    R_useDynamicSymbols(dll, FALSE);
    R_forceSymbols(dll, TRUE);
}
