/* The count of references to an object: a macro in some versions of R, a function in others. */
#include <R.h>
#include <Rinternals.h>

/* Whether there is more than one that counts. */
int rmlx_is_shared(SEXP x)
{
    return MAYBE_SHARED(x);
}
