// Compiled once per instruction set, with MONE_ISA naming it.
#include "engine/backend/onednn/kernels/attention.h"
#include "engine/backend/onednn/kernels/layer_norm.h"
#include "engine/backend/onednn/kernels/product.h"

namespace mone::cpu::MONE_ISA {
namespace {

std::size_t attention_scratch(int keys, int head_width) {
  const std::size_t f32 = AttentionScratch<float>(keys, head_width).bytes;
#if defined(__AVX512BF16__)
  const std::size_t bf16 = AttentionScratch<Bf16>(keys, head_width).bytes;
  return f32 > bf16 ? f32 : bf16;
#else
  return f32;
#endif
}

template <class T>
void round_to(const float* x, int count, T* out) {
  int i = 0;
  for (; i + kLanes <= count; i += kLanes) store_as(out + i, load(x + i));
  for (; i < count; ++i) store_as(out + i, x[i]);
}

template <class T>
double spin(int rounds) {
  using D = Dot<T>;
  alignas(64) T values[kPanel * D::kStep] = {};
  typename D::Sum sum[kTileRows][2] = {};
  const typename D::Weights w = D::weights(values), x = D::value(values);
  for (int round = 0; round < rounds; ++round)
#pragma GCC unroll 12
    for (int m = 0; m < kTileRows; ++m) {
      sum[m][0] = D::add(sum[m][0], x, w);
      sum[m][1] = D::add(sum[m][1], x, w);
      __asm__ volatile("" : "+v"(sum[m][0]), "+v"(sum[m][1]));  // or the sums of zeros would go
    }
  return static_cast<double>(rounds) * kTileRows * kPanel * D::kStep;
}

#if defined(__AMX_BF16__)
template <class T>
double spin_tiles(int rounds) {
  Unit<T> unit;
  unit.set_rows(Dot<T>::kRows);
  for (int round = 0; round < rounds; ++round) {
    MONE_MULTIPLY(T, 0, 4, 6);
    MONE_MULTIPLY(T, 1, 4, 7);
    MONE_MULTIPLY(T, 2, 5, 6);
    MONE_MULTIPLY(T, 3, 5, 7);
  }
  return static_cast<double>(rounds) * Dot<T>::kRows * kPanel * Dot<T>::kBlock;
}
template <>
double spin<Bf16>(int rounds) {
  return spin_tiles<Bf16>(rounds);
}
template <>
double spin<Int8>(int rounds) {
  return spin_tiles<Int8>(rounds);
}
#endif

template <class T>
constexpr ProductKernels<T> products() {
  return {&product<T>, &pack_panel<T>, &spin<T>, Dot<T>::kRows, Dot<T>::kBlock};
}

void finish_any(const Product& p, bool bf16, const float* sums, std::ptrdiff_t ld, const RowTile& tile,
                int column, int columns) {
  bf16 ? finish<Bf16>(p, sums, ld, tile, column, columns) : finish<float>(p, sums, ld, tile, column, columns);
}

constexpr KernelsFor<float> kF32{products<float>(), &layer_norm<float>, &attention<float>, &round_to<float>};
#if defined(__AVX512BF16__)
constexpr KernelsFor<Bf16> kBf16{products<Bf16>(), &layer_norm<Bf16>, &attention<Bf16>, &round_to<Bf16>};
constexpr bool kHasBf16 = true;
#else
constexpr KernelsFor<Bf16> kBf16{};
constexpr bool kHasBf16 = false;
#endif
#if defined(__AVX512BF16__) && defined(__AVX512VNNI__)
constexpr Int8Kernels kInt8{products<Int8>(), &quantise_rows};
constexpr bool kHasInt8 = true;
#else
constexpr Int8Kernels kInt8{};
constexpr bool kHasInt8 = false;
#endif

#define MONE_TEXT_(x) #x
#define MONE_TEXT(x) MONE_TEXT_(x)

}  // namespace

extern const Kernels kernels;
const Kernels kernels{MONE_TEXT(MONE_ISA), kPanel,   kF32,       kBf16, kHasBf16, kInt8, kHasInt8,
                      &attention_scratch,  &moments, &finish_any};

}  // namespace mone::cpu::MONE_ISA
