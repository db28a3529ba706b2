#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.hpp"

struct sqlite3;
struct sqlite3_stmt;

/// Private to the catalog*.cpp files of this folder: SQLite with owned handles and our errors.
namespace framelog::sqlite {

/// One prepared statement. Threads: one at a time, as its data base.
class Statement {
 public:
  Statement() : Statement(nullptr) {}
  explicit Statement(sqlite3_stmt* statement) : statement_(statement, finalize) {}
  /// Parameters count from 1. A text is copied.
  Statement& bind(int parameter, std::int64_t value);
  Statement& bind(int parameter, std::string_view text);
  /// Goes to the next row; false: there is none, and the statement can be bound anew.
  [[nodiscard]] Result<bool> next();
  /// For statements without rows.
  [[nodiscard]] Result<void> run();
  void reset() noexcept;
  /// Of the row; columns count from 0.
  [[nodiscard]] std::int64_t integer(int column) const noexcept;
  [[nodiscard]] std::string text(int column) const;

 private:
  static void finalize(sqlite3_stmt* statement) noexcept;
  std::unique_ptr<sqlite3_stmt, void (*)(sqlite3_stmt*)> statement_;
};

class Database {
 public:
  enum class Mode { kCreate, kRead };
  /// kRead also opens what nobody may write, in a directory that nobody may write. Errors:
  /// kNotFound, kDenied, kIo; what is no data base is found by the first statement.
  [[nodiscard]] static Result<Database> open(const std::filesystem::path& file, Mode mode);

  /// Statements that give no rows, one behind the other.
  [[nodiscard]] Result<void> run(const char* statements);
  [[nodiscard]] Result<Statement> prepare(std::string_view statement);
  /// The first value that a statement gives.
  [[nodiscard]] Result<std::int64_t> number(std::string_view statement);
  /// The file that it has open is no longer what stands under its name.
  [[nodiscard]] bool has_moved() noexcept;
  /// Whether the file still begins as a data base does. It asks the descriptor that SQLite has
  /// open: closing another one would drop the process' locks.
  [[nodiscard]] bool has_head() noexcept;

 private:
  explicit Database(sqlite3* database) : database_(database, close) {}
  static void close(sqlite3* database) noexcept;
  std::unique_ptr<sqlite3, void (*)(sqlite3*)> database_;
};

/// Until commit(), everything is undone when it goes. Takes the data base's one writing lock.
class Transaction {
 public:
  [[nodiscard]] static Result<Transaction> begin(Database& database);
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  [[nodiscard]] Result<void> commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;
};

}  // namespace framelog::sqlite
