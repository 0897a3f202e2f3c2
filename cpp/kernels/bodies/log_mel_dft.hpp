// The power spectrum of 400 real samples, one frame per lane.
//
// With n = 25 n1 + n2 and k = k1 + 16 k2 the transform falls into 25 real DFTs of 16 over n1, a
// twiddle exp(2 pi i k1 n2 / 400), and a DFT of 25 over n2 for each k1. Real input makes
// k1 = 0..8 enough: bins above 200 mirror those below. The exponent is positive throughout, which
// only conjugates the spectrum, and the power does not see that.

#include "kernels/bodies/log_mel_lanes.hpp"

template <class V>
struct Complex {
    V re, im;
};

template <class V>
EMONET_INLINE Complex<V> rotate(Complex<V> z, float cosine, float sine) {
    return {multiply_add(z.re, cosine, -(z.im * sine)), multiply_add(z.im, cosine, z.re * sine)};
}

/// DFT of 16 real values x[25 * n1], in place: the real part of bin k goes to slot k (0..8), its
/// imaginary part to slot 16 - k (1..7).
template <class V>
EMONET_INLINE void real_dft16(V* x) {
    constexpr float half_root = 0.70710678F, cos_8th = 0.92387953F, sin_8th = 0.38268343F;
    V sum[8], diff[8];
#pragma GCC unroll 8
    for (int n = 0; n < 8; ++n) {
        sum[n] = x[25 * n] + x[25 * (n + 8)];
        diff[n] = x[25 * n] - x[25 * (n + 8)];
    }
    // Bins 0, 4, 8, then 2, 6: a DFT of 8 over the sums.
    const V s0 = sum[0] + sum[4], s1 = sum[1] + sum[5], s2 = sum[2] + sum[6], s3 = sum[3] + sum[7];
    x[25 * 0] = (s0 + s2) + (s1 + s3);
    x[25 * 8] = (s0 + s2) - (s1 + s3);
    x[25 * 4] = s0 - s2;
    x[25 * 12] = s1 - s3;
    const V d0 = sum[0] - sum[4], d1 = sum[1] - sum[5], d2 = sum[2] - sum[6], d3 = sum[3] - sum[7];
    const V d13_minus = (d1 - d3) * half_root, d13_plus = (d1 + d3) * half_root;
    x[25 * 2] = d0 + d13_minus;
    x[25 * 14] = d13_plus + d2;
    x[25 * 6] = d0 - d13_minus;
    x[25 * 10] = d13_plus - d2;
    // Odd bins: cos is odd and sin is even around n = 4, so the differences pair up.
    const V p1 = diff[1] - diff[7], p2 = (diff[2] - diff[6]) * half_root, p3 = diff[3] - diff[5];
    const V q1 = diff[1] + diff[7], q2 = (diff[2] + diff[6]) * half_root, q3 = diff[3] + diff[5];
    const V re_17 = multiply_add(p1, cos_8th, p3 * sin_8th);
    const V re_35 = multiply_add(p1, sin_8th, -(p3 * cos_8th));
    const V im_17 = multiply_add(q1, sin_8th, q3 * cos_8th);
    const V im_35 = multiply_add(q1, cos_8th, -(q3 * sin_8th));
    x[25 * 1] = (diff[0] + p2) + re_17;
    x[25 * 7] = (diff[0] + p2) - re_17;
    x[25 * 3] = (diff[0] - p2) + re_35;
    x[25 * 5] = (diff[0] - p2) - re_35;
    x[25 * 15] = im_17 + (q2 + diff[4]);
    x[25 * 9] = im_17 - (q2 + diff[4]);
    x[25 * 13] = im_35 + (q2 - diff[4]);
    x[25 * 11] = im_35 - (q2 - diff[4]);
}

template <class V>
EMONET_INLINE void dft5(const Complex<V>* z, Complex<V>* out) {
    constexpr float cos1 = 0.30901699F, cos2 = -0.80901699F;  // of 2 pi / 5 and 4 pi / 5
    constexpr float sin1 = 0.95105652F, sin2 = 0.58778525F;
    const Complex<V> a{z[1].re + z[4].re, z[1].im + z[4].im};
    const Complex<V> b{z[2].re + z[3].re, z[2].im + z[3].im};
    const Complex<V> d{z[1].re - z[4].re, z[1].im - z[4].im};
    const Complex<V> e{z[2].re - z[3].re, z[2].im - z[3].im};
    const Complex<V> p{multiply_add(b.re, cos2, multiply_add(a.re, cos1, z[0].re)),
                       multiply_add(b.im, cos2, multiply_add(a.im, cos1, z[0].im))};
    const Complex<V> q{multiply_add(b.re, cos1, multiply_add(a.re, cos2, z[0].re)),
                       multiply_add(b.im, cos1, multiply_add(a.im, cos2, z[0].im))};
    const Complex<V> u{multiply_add(e.re, sin2, d.re * sin1),
                       multiply_add(e.im, sin2, d.im * sin1)};
    const Complex<V> v{multiply_add(d.re, sin2, -(e.re * sin1)),
                       multiply_add(d.im, sin2, -(e.im * sin1))};
    out[0] = {z[0].re + a.re + b.re, z[0].im + a.im + b.im};
    out[1] = {p.re - u.im, p.im + u.re};
    out[4] = {p.re + u.im, p.im - u.re};
    out[2] = {q.re - v.im, q.im + v.re};
    out[3] = {q.re + v.im, q.im - v.re};
}

/// The powers of bins k1 + 16 k2: twiddle and DFT of 25 as 5 x 5 with n2 = 5 a + b, k2 = c + 5 d.
/// Rows 0 and 8 are real before their twiddle, which makes the columns c = 3 and 4 mirrors of
/// others; there only three columns are computed.
template <bool real_row, class V>
EMONET_INLINE void row_power(const V* slots, int k1, const LogMelTables& tables, V* power) {
    constexpr int n_columns = real_row ? 3 : 5;
    const V* re = slots + 25 * k1;
    const V* im = slots + 25 * (16 - k1);
    const float* cosine = tables.row_cos[k1];
    const float* sine = tables.row_sin[k1];
    Complex<V> columns[5][5];
#pragma GCC unroll 5
    for (int b = 0; b < 5; ++b) {
        Complex<V> z[5], transformed[5];
#pragma GCC unroll 5
        for (int a = 0; a < 5; ++a) {
            const int n2 = 5 * a + b;
            if constexpr (real_row)
                z[a] = {re[n2] * cosine[n2], re[n2] * sine[n2]};
            else
                z[a] = rotate(Complex<V>{re[n2], im[n2]}, cosine[n2], sine[n2]);
        }
        dft5(z, transformed);
#pragma GCC unroll 5
        for (int c = 0; c < n_columns; ++c)
            columns[c][b] = b * c == 0 ? transformed[c]
                                       : rotate(transformed[c], tables.column_cos[b][c],
                                                tables.column_sin[b][c]);
    }
#pragma GCC unroll 5
    for (int c = 0; c < n_columns; ++c) {
        Complex<V> z[5];
        dft5(columns[c], z);
#pragma GCC unroll 5
        for (int d = 0; d < 5; ++d) {
            const int k2 = c + 5 * d;
            power[k2 <= 12 ? k1 + 16 * k2 : log_mel_n_fft - k1 - 16 * k2] =
                multiply_add(z[d].re, z[d].re, z[d].im * z[d].im);
        }
    }
}

/// x: 400 windowed samples, overwritten; power: 201 bins.
template <class V>
EMONET_INLINE void power_spectrum(V* x, const LogMelTables& tables, V* power) {
    for (int n2 = 0; n2 < 25; ++n2) real_dft16(x + n2);
    for (int k1 = 0; k1 <= 8; k1 += 8) row_power<true>(x, k1, tables, power);
    for (int k1 = 1; k1 <= 7; ++k1) row_power<false>(x, k1, tables, power);
}
