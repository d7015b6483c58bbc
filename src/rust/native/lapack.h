// LAPACK's routines for linear systems, of the library that MLX itself uses: its headers have no solver but
// by inverses.
#pragma once

#include <cstddef>

namespace rmlx {

// Column-major; lengths of texts follow, as Fortran passes them.
template <typename T>
struct Lapack {
  using Factor = void(const int* m, const int* n, T* a, const int* lda, int* pivots, int* info);
  using Solve = void(
      const char* trans, const int* n, const int* columns, const T* a, const int* lda,
      const int* pivots, T* b, const int* ldb, int* info, size_t);
  using Condition = void(
      const char* norm, const int* n, const T* a, const int* lda, const T* size, T* rcond, T* work,
      int* whole_work, int* info, size_t);
  using Triangular = void(
      const char* uplo, const char* trans, const char* diag, const int* n, const int* columns,
      const T* a, const int* lda, T* b, const int* ldb, int* info, size_t, size_t, size_t);

  Factor* getrf;
  Solve* getrs;
  Condition* gecon;
  Triangular* trtrs;

  // Throws where the library lacks one.
  static const Lapack& get();
};

} // namespace rmlx
