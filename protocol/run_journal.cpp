#include <troupe/protocol/json.hpp>
#include <troupe/protocol/portable.hpp>
#include <troupe/protocol/run_journal.hpp>

#include <algorithm>
#include <array>

namespace troupe {

namespace {

constexpr std::array answer_types{answer_rule::type::any,     answer_rule::type::text,
                                  answer_rule::type::integer, answer_rule::type::number,
                                  answer_rule::type::boolean, answer_rule::type::list,
                                  answer_rule::type::map};

bool is_whole(const value& number) {
  return number.if_integer() || number.if_unsigned();
}

bool has_type(const value& answer, answer_rule::type expected) {
  switch (expected) {
  case answer_rule::type::any: return true;
  case answer_rule::type::text: return answer.is_text();
  case answer_rule::type::integer: return is_whole(answer);
  case answer_rule::type::number: return answer.is_number();
  case answer_rule::type::boolean: return answer.if_bool() != nullptr;
  case answer_rule::type::list: return answer.is_list();
  case answer_rule::type::map: return answer.is_map();
  }
  return false;
}

value record_value(const run_journal::place& where, const run_record& what) {
  value::map_type set;
  value::list_type erased;
  for (const auto& [key, content] : what.changes) {
    if (content) set.emplace_back(key, to_portable(*content));
    else erased.emplace_back(key);
  }
  const auto output = to_portable(what.result->output);
  return value::map({{"path", where.path},
                     {"call", where.call},
                     {"result", to_value(*what.result).plain().with("output", output)},
                     {"set", value::map(std::move(set))},
                     {"erased", value(std::move(erased))}});
}

failure misfit(std::size_t index, const std::string& message) {
  return {failure_kind::malformed, "record " + std::to_string(index) + " " + message};
}

} // namespace

run_record make_record(const step_result& result, const context& before) {
  auto kept = std::make_shared<step_result>(result);
  kept->ctx = {};
  run_record record{std::move(kept)};
  if (result.ctx.data().same_version(before.data())) return record;
  for (const auto& change : value_tree::diff(before.data(), result.ctx.data())) {
    record.changes.emplace_back(change.key,
                                change.after ? std::optional(*change.after) : std::nullopt);
  }
  return record;
}

step_result replay(const run_record& record, const context& before) {
  auto result = *record.result;
  result.ctx = before;
  for (const auto& [key, content] : record.changes) {
    if (content) result.ctx.set(key, *content);
    else result.ctx.erase(key);
  }
  return result;
}

std::optional<run_record> run_journal::find(const place& where) const {
  const std::scoped_lock lock(mutex_);
  const auto found = records_.find(where);
  if (found == records_.end()) return std::nullopt;
  return found->second;
}

void run_journal::record(place where, run_record what) {
  const std::scoped_lock lock(mutex_);
  records_.try_emplace(std::move(where), std::move(what));
}

std::size_t run_journal::size() const {
  const std::scoped_lock lock(mutex_);
  return records_.size();
}

std::shared_ptr<run_journal> run_journal::copy() const {
  auto made = std::make_shared<run_journal>();
  const std::scoped_lock lock(mutex_);
  made->records_ = records_;
  return made;
}

value run_journal::to_value() const {
  const std::scoped_lock lock(mutex_);
  value::list_type all;
  all.reserve(records_.size());
  for (const auto& [where, what] : records_) all.push_back(record_value(where, what));
  return value(std::move(all));
}

outcome<std::shared_ptr<run_journal>> run_journal::from_value(const value& content) {
  const auto* records = content.if_list();
  if (!records) return failure{failure_kind::malformed, "the records are no list"};
  auto made = std::make_shared<run_journal>();
  for (std::size_t index = 0; index < records->size(); ++index) {
    const auto& one = (*records)[index];
    const auto path = one.at("path");
    const auto call = one.at("call");
    if (!path.is_text()) return misfit(index, "has no path");
    const auto* number = call.if_integer();
    if (!number || *number < 1 || *number > UINT32_MAX) return misfit(index, "has no call number");
    auto result = step_result_from(one.at("result"));
    if (!result) return misfit(index, "cannot be read: " + result.why().message);
    result->output = from_portable(result->output);
    run_record record{std::make_shared<const step_result>(*std::move(result))};
    const auto set = one.at("set");
    const auto erased = one.at("erased");
    if (const auto* members = set.if_map()) {
      for (const auto& [key, item] : *members) {
        record.changes.emplace_back(key, from_portable(item));
      }
    }
    if (const auto* keys = erased.if_list()) {
      for (const auto& key : *keys) {
        if (!key.is_text()) return misfit(index, "erases what is no text");
        record.changes.emplace_back(*key.if_text(), std::nullopt);
      }
    }
    made->record({*path.if_text(), static_cast<std::uint32_t>(*number)}, std::move(record));
  }
  return made;
}

std::string_view to_string(answer_rule::type expected) {
  switch (expected) {
  case answer_rule::type::any: return "any";
  case answer_rule::type::text: return "text";
  case answer_rule::type::integer: return "integer";
  case answer_rule::type::number: return "number";
  case answer_rule::type::boolean: return "boolean";
  case answer_rule::type::list: return "list";
  case answer_rule::type::map: return "map";
  }
  return "any";
}

std::optional<answer_rule::type> answer_type_from(std::string_view name) {
  const auto found = std::find_if(answer_types.begin(), answer_types.end(),
                                  [&](auto each) { return to_string(each) == name; });
  if (found == answer_types.end()) return std::nullopt;
  return *found;
}

std::optional<std::string> answer_rule::refuse(const value& answer) const {
  if (!has_type(answer, expects)) {
    return "must be of type " + std::string(to_string(expects)) + "; it is " + write_json(answer);
  }
  if (choices.empty() || std::find(choices.begin(), choices.end(), answer) != choices.end()) {
    return std::nullopt;
  }
  return "must be one of " + write_json(value(choices)) + "; it is " + write_json(answer);
}

value to_value(const pause_request& asked) {
  value::map_type about{{"step", asked.step}, {"prompt", asked.prompt}};
  if (asked.rule.expects != answer_rule::type::any) {
    about.emplace_back("expects", to_string(asked.rule.expects));
  }
  if (!asked.rule.choices.empty()) about.emplace_back("choices", value(asked.rule.choices));
  return value::map(std::move(about));
}

} // namespace troupe
