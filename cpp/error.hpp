#pragma once

#include <stdexcept>
#include <string>

namespace emonet {

/// What the native core throws at its border. `kind` names the class of emonet_edge.exceptions
/// that the bindings raise; the message names the rule, the value that broke it and the remedy.
struct Error : std::runtime_error {
    Error(const char* error_kind, const std::string& message)
        : std::runtime_error(message), kind(error_kind) {}
    const char* kind;
};

}  // namespace emonet
