/* How many references R counts to an object: from R 4.5 on that is no packages' business. */
#include <R.h>
#include <Rinternals.h>
#include <Rversion.h>

/* -1 where R does not tell. */
int rmlx_references(SEXP x)
{
#if R_VERSION >= R_Version(4, 5, 0)
    (void) x;
    return -1;
#else
    return REFCNT(x);
#endif
}
