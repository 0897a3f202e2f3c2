// Included before heads_project.hpp: which lanes serve a block of 8, 16 or 32 rows.

#define EMONET_FOR_ROWS(rows, function, ...)           \
    switch (rows) {                                    \
        case 8:                                        \
            return function<Lanes256, 1>(__VA_ARGS__); \
        case 16:                                       \
            return function<Lanes512, 1>(__VA_ARGS__); \
        default:                                       \
            return function<Lanes512, 2>(__VA_ARGS__); \
    }
