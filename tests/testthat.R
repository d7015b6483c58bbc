library(testthat)
library(rmlx)

test_check("rmlx")
