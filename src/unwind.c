/* The only place where a jump of R is caught: Rust cannot call setjmp. */
#include <setjmp.h>
#include <R.h>
#include <Rinternals.h>

static void leave_by_longjmp(void *target, Rboolean jump)
{
    if (jump) longjmp(*(jmp_buf *) target, 1);
}

/* Runs body(data) so that no jump of R (an error, an interrupt, a restart,
   return() in a promise, the browser's Q) crosses the caller.
   0: *out is body's value. 1: R wants to leave; its target is kept in `cont`.
   The caller then has to return through its own frames and, from one that
   owns nothing, to call R_ContinueUnwind(cont). */
int rmlx_protect(SEXP (*body)(void *), void *data, SEXP cont, SEXP *out)
{
    jmp_buf here;
    if (setjmp(here)) return 1;
    *out = R_UnwindProtect(body, data, leave_by_longjmp, &here, cont);
    return 0;
}
