#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weights/pickle.h"

namespace mlrun::weights {

/// Names of parameters, then of buffers, of each class of a TorchScript archive by its full name.
using ScriptClasses = std::map<std::string, std::vector<std::string>>;

using NamedValues = std::vector<std::pair<std::string, const PickleValue*>>;

/// Adds the classes in `code`, a source file of a TorchScript archive; `module` is what comes before
/// a class's name (`__torch__.torch.nn.modules.conv`).
void read_script_classes(std::string_view code, const std::string& module, ScriptClasses& classes);

/// Whether `value` is a module: a TorchScript object, or an instance of torch.nn.Module saved whole.
bool is_module(const PickleValue& value);

/// The parameters and buffers of a module and of those in it, under the names and in the order that
/// `state_dict` gives. Notes name attributes that are tensors but neither. UserError that names
/// `file` when modules contain each other.
NamedValues module_tensors(const PickleValue& module, const ScriptClasses& classes, const std::string& file,
                           std::vector<std::string>& notes);

}  // namespace mlrun::weights
