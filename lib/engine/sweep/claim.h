#pragma once

#include <filesystem>
#include <string>

namespace mlrun::engine {

/// One sweep command's right to train a combination, while this object lives. It ends with the process,
/// however that ends, and reaches other machines over NFS.
class SweepClaim {
 public:
  /// Tries to get it; see `held`. UserError where the folder cannot be written.
  SweepClaim(const std::filesystem::path& sweep, const std::string& combination);
  ~SweepClaim();
  SweepClaim(const SweepClaim&) = delete;
  SweepClaim& operator=(const SweepClaim&) = delete;

  /// False where another process has it.
  bool held() const { return held_; }

 private:
  int file_ = -1;
  bool held_ = false;
};

}  // namespace mlrun::engine
