#include "image/resize_box.hpp"

#include <algorithm>
#include <vector>

#include "image/box_rows.hpp"
#include "image/passes.hpp"

namespace emonet {
namespace {

/// Rows of the picture are resized in groups of four into a ring, from which the rows of the result
/// are mixed.
void resize_rows_first(const BoxRows& source, const ResampleAxis& x_axis,
                       const ResampleAxis& y_axis, const Size& size, const ImageKernels& kernels,
                       const TakeRow& take_row) {
    RowPass row_pass(x_axis, kernels);
    ColumnPass column_pass(y_axis, size.width * 3, kernels);
    RowRing converted(source.buffer_bytes(), 4), result(size.width * 3, 1);
    // A group may begin up to three rows before what is needed ends, and slots come in fours.
    RowRing resized(size.width * 3, (y_axis.max_count() + 3 + 3) / 4 * 4);
    std::vector<const std::uint8_t*> needed(y_axis.max_count());
    int n_resized = 0;
    for (int y = 0; y < size.height; ++y) {
        const int first = y_axis.first(y), count = y_axis.count(y);
        for (; n_resized < first + count; n_resized += 4) {
            FourRows rows{};
            FourTargets targets{};
            const std::uint8_t* row = nullptr;
            for (int i = 0; i < 4; ++i) {
                if (n_resized + i < source.n_rows())  // else the last row again
                    row = source.row(n_resized + i, converted.slot(i));
                rows[i] = row;
                targets[i] = resized.slot(n_resized + i);
            }
            row_pass(rows, targets);
        }
        for (int i = 0; i < count; ++i) needed[i] = resized.slot(first + i);
        column_pass(y, needed.data(), result.slot(0));
        take_row(y, result.slot(0));
    }
}

/// Rows of the picture are mixed, in place or from a ring of converted ones, and every four of the
/// mixtures are resized.
void resize_columns_first(const BoxRows& source, int width, const ResampleAxis& x_axis,
                          const ResampleAxis& y_axis, const Size& size, const ImageKernels& kernels,
                          const TakeRow& take_row) {
    RowPass row_pass(x_axis, kernels);
    ColumnPass column_pass(y_axis, width * 3, kernels);
    const int n_slots = source.buffer_bytes() == 0 ? 1 : y_axis.max_count();
    RowRing converted(source.buffer_bytes(), n_slots);
    RowRing mixed(width * 3, 4), result(size.width * 3, 4);
    std::vector<const std::uint8_t*> rows(y_axis.max_count()), needed(y_axis.max_count());
    int n_read = 0;
    for (int y = 0; y < size.height; y += 4) {
        const int n_outputs = std::min(4, size.height - y);
        for (int i = 0; i < n_outputs; ++i) {
            const int first = y_axis.first(y + i), count = y_axis.count(y + i);
            for (; n_read < first + count; ++n_read)
                rows[n_read % y_axis.max_count()] = source.row(n_read, converted.slot(n_read));
            for (int k = 0; k < count; ++k) needed[k] = rows[(first + k) % y_axis.max_count()];
            column_pass(y + i, needed.data(), mixed.slot(i));
        }
        row_pass({mixed.slot(0), mixed.slot(1), mixed.slot(2), mixed.slot(3)},
                 {result.slot(0), result.slot(1), result.slot(2), result.slot(3)});
        for (int i = 0; i < n_outputs; ++i) take_row(y + i, result.slot(i));
    }
}

}  // namespace

bool columns_first(const PixelBox& box, const Size& size) {
    return box.height > size.height && box.height - size.height > 2 * (box.width - size.width);
}

void resize_box(const Picture& picture, const PixelBox& box, const Size& size,
                const ImageKernels& kernels, const TakeRow& take_row) {
    const ResampleAxis x_axis(box.width, size.width), y_axis(box.height, size.height);
    const BoxRows source(picture, box, kernels);
    if (columns_first(box, size))
        resize_columns_first(source, box.width, x_axis, y_axis, size, kernels, take_row);
    else
        resize_rows_first(source, x_axis, y_axis, size, kernels, take_row);
}

}  // namespace emonet
