/* The `...` of a function's frame: R 4.5 has a new function for it and forbids the old one. */
#include <R.h>
#include <Rinternals.h>
#include <Rversion.h>

SEXP rmlx_dots(SEXP frame)
{
#if R_VERSION >= R_Version(4, 5, 0)
    return R_getVarEx(R_DotsSymbol, frame, FALSE, R_NilValue);
#else
    return Rf_findVarInFrame(frame, R_DotsSymbol);
#endif
}
