/* The `...` of a function's frame: R 4.5 has a new function for it and forbids the old one. */
#include <R.h>
#include <Rinternals.h>
#include <Rversion.h>

#if R_VERSION >= R_Version(4, 5, 0)
/* The call `...length()`; its function is base's, whatever the frame sees under that name. */
static SEXP count_call(void)
{
    static SEXP call = NULL;
    if (call == NULL) {
        SEXP made = PROTECT(Rf_lang1(R_getVar(Rf_install("...length"), R_BaseEnv, FALSE)));
        R_PreserveObject(made);
        call = made;
        UNPROTECT(1);
    }
    return call;
}

SEXP rmlx_dots(SEXP frame)
{
    /* Without arguments `...` is the missing argument, for which R_getVarEx raises an error. */
    if (Rf_asInteger(Rf_eval(count_call(), frame)) == 0) return R_NilValue;
    return R_getVarEx(R_DotsSymbol, frame, FALSE, R_NilValue);
}
#else
SEXP rmlx_dots(SEXP frame)
{
    return Rf_findVarInFrame(frame, R_DotsSymbol);
}
#endif
