/* The value of a variable: R 4.5 has new functions for it and forbids the old ones. */
#include <R.h>
#include <Rinternals.h>
#include <Rversion.h>

/* A variable's value, its promise forced; R_UnboundValue if there is none. May jump. */
SEXP rmlx_lookup(SEXP name, SEXP frame, int inherits)
{
#if R_VERSION >= R_Version(4, 5, 0)
    return R_getVarEx(name, frame, inherits, R_UnboundValue);
#else
    SEXP value = inherits ? Rf_findVar(name, frame) : Rf_findVarInFrame3(frame, name, TRUE);
    if (TYPEOF(value) == PROMSXP) {
        PROTECT(value);
        value = Rf_eval(value, frame);
        UNPROTECT(1);
    }
    return value;
#endif
}

/* As rmlx_lookup, of a function: other values are passed over. */
SEXP rmlx_lookup_function(SEXP name, SEXP frame)
{
    while (frame != R_EmptyEnv) {
        SEXP value = rmlx_lookup(name, frame, FALSE);
        if (value != R_UnboundValue && Rf_isFunction(value)) return value;
#if R_VERSION >= R_Version(4, 5, 0)
        frame = R_ParentEnv(frame);
#else
        frame = ENCLOS(frame);
#endif
    }
    return R_UnboundValue;
}
