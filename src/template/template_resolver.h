#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "template/message_template.h"
#include "template/template_tree.h"

namespace tocsin {

// Finds what the names of a template mean where they stand: fields by the type of what the dot is
// there, variables, functions, other templates. A template that is invoked is resolved for the type
// of what it is given; the first name it does not have there is the error.
class TemplateResolver {
 public:
  // Templates are looked for in `own`, then in `files`, then among the built-in ones. Both must
  // outlive it.
  TemplateResolver(const Defines& own, const TemplateFiles& files) : own_(own), files_(files) {}

  // kInvalidArgument: "line 1, column 9: …".
  Status ResolveMain(const std::vector<TemplateNode>& nodes);
  // The first is the main one; nodes name the others by their position.
  std::vector<ResolvedTemplate> Take();

 private:
  struct Variable {
    std::string name;
    ValueType type;
    std::size_t slot;
  };
  struct Scope {
    std::vector<ValueType> dots;
    std::size_t root = 0;  // the dot that `$` is
    std::vector<Variable> variables;
    std::size_t slots = 0;
  };

  Result<std::vector<TemplateNode>> Nodes(const std::vector<TemplateNode>& nodes, Scope& scope);
  Status Node(TemplateNode& node, Scope& scope);
  Status Bodies(TemplateNode& node, Scope& scope);
  Status Value(const TemplateNode& node) const;
  Status Set(TemplateNode& node, Scope& scope);
  Status Loop(TemplateNode& node, Scope& scope);
  Status Invoke(TemplateNode& node);
  Result<const DefinedTemplate*> Find(std::string_view name);
  Status ReadFiles();

  Result<Expression> Resolve(const Expression& parsed, const Scope& scope);
  Result<Expression> ResolveCall(const Expression& parsed, const Scope& scope);
  Result<Expression> ResolvePath(const Expression& parsed, const Scope& scope);
  Result<Expression> Begin(const Expression& parsed, const Scope& scope);
  Result<Expression> Method(Expression on, const Expression& parsed, const Scope& scope);

  const Defines& own_;
  const TemplateFiles& files_;
  bool files_read_ = false;
  Defines of_files_;
  Defines built_in_;
  std::vector<std::unique_ptr<ResolvedTemplate>> resolved_;
  std::map<std::pair<std::string, ValueType>, std::size_t> known_;  // by name and argument
  int depth_ = 0;
};

}  // namespace tocsin
