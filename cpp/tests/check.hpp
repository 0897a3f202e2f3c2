#pragma once

// Two macros and a counter are all that these tests need; a framework would be the larger part.
#include <cstdio>

namespace emonet::test {

inline int failures = 0;
inline int checks = 0;

inline int report(const char* subject) {
    std::printf("%s: %d passed, %d failed\n", subject, checks - failures, failures);
    return failures == 0 ? 0 : 1;
}

}  // namespace emonet::test

#define CHECK(condition)                                                        \
    do {                                                                        \
        ++emonet::test::checks;                                                 \
        if (!(condition)) {                                                     \
            ++emonet::test::failures;                                           \
            std::printf("%s:%d: failed: %s\n", __FILE__, __LINE__, #condition); \
        }                                                                       \
    } while (false)

#define CHECK_THROWS(expression, error_kind)                                                     \
    do {                                                                                         \
        ++emonet::test::checks;                                                                  \
        bool thrown_as_expected = false;                                                         \
        try {                                                                                    \
            (void)(expression);                                                                  \
        } catch (const emonet::Error& error) {                                                   \
            thrown_as_expected = std::string(error.kind) == (error_kind);                        \
        }                                                                                        \
        if (!thrown_as_expected) {                                                               \
            ++emonet::test::failures;                                                            \
            std::printf("%s:%d: no %s from: %s\n", __FILE__, __LINE__, error_kind, #expression); \
        }                                                                                        \
    } while (false)
