/* The roof of work that reads its weights once: add up every byte, do nothing else.
 *
 * The bytes are split into one contiguous part for each thread, and each thread reads four streams
 * of its part side by side: the fastest of 1, 2 and 4 streams with and without prefetching ahead.
 * Plain loads of 32 bytes, eight sums that do not wait for each other. Compiled when needed, see
 * roof.py.
 */
#include <immintrin.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

enum { max_threads = 64 };

struct part {
    const uint8_t *from;
    size_t size;
    uint64_t sum;
};

enum { streams = 4, step = 256 };

static void *read_part(void *argument) {
    struct part *part = argument;
    const size_t stream = part->size / streams / step * step;
    __m256i sums[8];
    for (int i = 0; i < 8; ++i) sums[i] = _mm256_setzero_si256();
    for (size_t at = 0; at < stream; at += step)
        for (int s = 0; s < streams; ++s) {
            const uint8_t *from = part->from + s * stream + at;
            for (int i = 0; i < 8; ++i) {
                const __m256i words = _mm256_loadu_si256((const __m256i *)(from + 32 * i));
                sums[i] = _mm256_add_epi64(sums[i], words);
            }
        }
    uint64_t lanes[4], sum = 0;
    for (int i = 0; i < 8; ++i) {
        _mm256_storeu_si256((__m256i *)lanes, sums[i]);
        sum += lanes[0] + lanes[1] + lanes[2] + lanes[3];
    }
    for (size_t at = streams * stream; at + 8 <= part->size; at += 8)
        sum += *(const uint64_t *)(part->from + at);
    part->sum = sum;
    return NULL;
}

/* The sum of all 64-bit words, wrapping; 0 for a number of threads that it does not have. */
uint64_t streaming_read(const uint8_t *bytes, size_t size, int threads) {
    struct part parts[max_threads];
    pthread_t ids[max_threads];
    if (threads < 1 || threads > max_threads) return 0;
    const size_t each = size / threads / 4096 * 4096;
    uint64_t sum = 0;
    for (int i = 0; i < threads; ++i) {
        parts[i].from = bytes + i * each;
        parts[i].size = i + 1 < threads ? each : size - i * each;
        if (i + 1 < threads) pthread_create(&ids[i], NULL, read_part, &parts[i]);
    }
    read_part(&parts[threads - 1]);
    for (int i = 0; i < threads; ++i) {
        if (i + 1 < threads) pthread_join(ids[i], NULL);
        sum += parts[i].sum;
    }
    return sum;
}
