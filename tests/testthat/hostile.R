# Run by test-hostile.R in a process of its own: tries every function below with every value and
# prints each that ends otherwise than with a value or an error of rmlx.

hostile <- list(
  null = NULL, character = "a", list = list(1), na = NA, nan = NaN, negative = -1, half = 1.5,
  big = 1e10, huge = 2^31, inf = Inf, fun = sum, environment = new.env(),
  s4 = methods::getClass("numeric"), factor = factor("a"), date = as.Date("2024-01-02"),
  broken_time = as.POSIXlt("2024-01-02", tz = "UTC"), call = quote(a + b), complex = 1i,
  raw = as.raw(3), none = integer(), two = c(2, 3), na_character = NA_character_,
  frame = data.frame(a = "x"), huge_shape = rep(2^31 - 1, 5)
)

calls <- list(
  as_mlx = function(v) as_mlx(v), "as_mlx(dtype = )" = function(v) as_mlx(v, dtype = "int8"),
  mlx_cast = function(v) mlx_cast(v, "int32"), mlx_array = function(v) mlx_array(v, 2),
  mlx_matrix = function(v) mlx_matrix(v, ncol = 1), mlx_vector = function(v) mlx_vector(v),
  mlx_scalar = function(v) mlx_scalar(v), mlx_full = function(v) mlx_full(2, v),
  "mlx_full(int8)" = function(v) mlx_full(2, v, "int8"),
  mlx_zeros_like = function(v) mlx_zeros_like(v),
  mlx_full_like = function(v) mlx_full_like(as_mlx(1:2), v), as_r = function(v) as_r(v),
  is_mlx = function(v) is_mlx(v),
  "mlx_array(dim)" = function(v) mlx_array(1:4, v),
  "mlx_array(allow_scalar)" = function(v) mlx_array(1, integer(), allow_scalar = v),
  "mlx_matrix(nrow)" = function(v) mlx_matrix(1:4, nrow = v),
  "mlx_matrix(both)" = function(v) mlx_matrix(1:4, v, v),
  "mlx_matrix(byrow)" = function(v) mlx_matrix(1:4, 2, byrow = v),
  mlx_zeros = function(v) mlx_zeros(v),
  "mlx_full(dim)" = function(v) mlx_full(v, 1), "mlx_eye(n)" = function(v) mlx_eye(v),
  "mlx_eye(m)" = function(v) mlx_eye(2, v), "mlx_eye(k)" = function(v) mlx_eye(2, k = v),
  "mlx_arange(start)" = function(v) mlx_arange(v, 5),
  "mlx_arange(stop)" = function(v) mlx_arange(1, v),
  "mlx_arange(step)" = function(v) mlx_arange(1, 5, v),
  "mlx_linspace(stop)" = function(v) mlx_linspace(0, v, 3),
  "mlx_linspace(num)" = function(v) mlx_linspace(0, 1, v),
  "as_mlx(dtype)" = function(v) as_mlx(1:3, dtype = v),
  "as_mlx(device)" = function(v) as_mlx(1:3, device = v),
  "mlx_cast(dtype)" = function(v) mlx_cast(as_mlx(1), v),
  mlx_device = function(v) mlx_device(v), mlx_default_device = function(v) mlx_default_device(v),
  with_mlx_device = function(v) with_mlx_device(v, 1),
  local_mlx_device = function(v) local_mlx_device(v),
  local_mlx_dtype = function(v) local_mlx_dtype(v),
  with_mlx_dtype = function(v) with_mlx_dtype(v, as_mlx(1)),
  "options(rmlx.dtype)" = function(v) {
    old <- options(rmlx.dtype = v)
    on.exit(options(old))
    as_mlx(1)
  },
  "options(rmlx.max_print)" = function(v) {
    old <- options(rmlx.max_print = v)
    on.exit(options(old))
    capture.output(print(as_mlx(1)))
  },
  mlx_shape = function(v) mlx_shape(v), mlx_dtype = function(v) mlx_dtype(v),
  mlx_nbytes = function(v) mlx_nbytes(v), mlx_eval = function(v) mlx_eval(v),
  "mlx_eval(x, )" = function(v) mlx_eval(as_mlx(1), v), mlx_free = function(v) mlx_free(v),
  mlx_memory = function(v) mlx_memory(v),
  "mlx_reshape(newshape)" = function(v) mlx_reshape(as_mlx(1:4), v),
  mlx_reshape = function(v) mlx_reshape(v, 1), mlx_squeeze = function(v) mlx_squeeze(v),
  "mlx_squeeze(axes)" = function(v) mlx_squeeze(mlx_zeros(c(1, 2)), v),
  "mlx_expand_dims(axes)" = function(v) mlx_expand_dims(as_mlx(1:2), v),
  "mlx_broadcast_to(shape)" = function(v) mlx_broadcast_to(as_mlx(1), v)
)

answer <- function(f, value) {
  tryCatch({
    out <- f(value)
    if (is_mlx(out) && length(out) < 1e3) mlx_eval(out)
    NULL
  }, rmlx_error_internal = conditionMessage, rmlx_error = function(e) NULL, error = conditionMessage,
  warning = function(w) paste("warning:", conditionMessage(w)))
}

device <- mlx_device()
for (call in names(calls)) {
  for (name in names(hostile)) {
    said <- answer(calls[[call]], hostile[[name]])
    if (!is.null(said)) cat(call, "of", name, "said:", said, "\n")
    mlx_device(device)
  }
}
cat(length(calls), "functions answered", length(hostile), "values each\n")
