#pragma once

#include <elf.h>

#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "base/files.h"
#include "support.h"

namespace mlrun::test {

/// What the loader reads of an executable or a shared library (64 bits, this machine's byte order).
class Elf {
 public:
  explicit Elf(const std::filesystem::path& file) : bytes_(read_file(file.string())) {
    const auto head = at<Elf64_Ehdr>(0);
    INFO(file.string());
    REQUIRE(std::memcmp(head.e_ident, ELFMAG, SELFMAG) == 0);
    REQUIRE(head.e_ident[EI_CLASS] == ELFCLASS64);
    type_ = head.e_type;
    for (std::size_t i = 0; i < head.e_phnum; ++i) {
      segments_.push_back(at<Elf64_Phdr>(head.e_phoff + i * head.e_phentsize));
    }
    for (const auto& segment : segments_) {
      if (segment.p_type != PT_DYNAMIC) continue;
      for (std::size_t i = 0; i < segment.p_filesz / sizeof(Elf64_Dyn); ++i) {
        dynamic_.push_back(at<Elf64_Dyn>(segment.p_offset + i * sizeof(Elf64_Dyn)));
      }
    }
    strings_ = bytes_.substr(place(value(DT_STRTAB)), value(DT_STRSZ));
  }

  /// Loaded at an address that differs each time.
  bool position_independent() const { return type_ == ET_DYN; }
  bool has_segment(std::uint32_t type) const { return flags_of(type) != nullptr; }
  bool stack_is_executable() const {
    const auto* flags = flags_of(PT_GNU_STACK);
    return flags == nullptr || (*flags & PF_X) != 0;
  }
  bool binds_at_start() const { return (value(DT_FLAGS) & DF_BIND_NOW) != 0 || (value(DT_FLAGS_1) & DF_1_NOW) != 0; }

  /// The folders that are searched for libraries, as they are written.
  std::vector<std::string> search_path() const {
    std::vector<std::string> folders;
    for (const auto& entry : dynamic_) {
      if (entry.d_tag != DT_RPATH && entry.d_tag != DT_RUNPATH) continue;
      const std::string list = text(entry.d_un.d_val);
      for (std::size_t from = 0; from <= list.size();) {
        const std::size_t end = std::min(list.find(':', from), list.size());
        folders.push_back(list.substr(from, end - from));
        from = end + 1;
      }
    }
    return folders;
  }

  std::vector<std::string> libraries() const {
    std::vector<std::string> names;
    for (const auto& entry : dynamic_) {
      if (entry.d_tag == DT_NEEDED) names.push_back(text(entry.d_un.d_val));
    }
    return names;
  }

  /// A function or an object that comes from elsewhere or is given to others.
  bool names_symbol(const std::string& name) const { return strings_.find('\0' + name + '\0') != std::string::npos; }

 private:
  template <class Record>
  Record at(std::size_t offset) const {
    REQUIRE(offset + sizeof(Record) <= bytes_.size());
    Record record;
    std::memcpy(&record, bytes_.data() + offset, sizeof record);
    return record;
  }

  /// Where in the file an address lies.
  std::size_t place(std::uint64_t address) const {
    for (const auto& segment : segments_) {
      if (segment.p_type != PT_LOAD || address < segment.p_vaddr) continue;
      if (address - segment.p_vaddr < segment.p_filesz) return segment.p_offset + (address - segment.p_vaddr);
    }
    FAIL("an address outside the file");
    return 0;
  }

  std::uint64_t value(std::int64_t tag) const {
    for (const auto& entry : dynamic_) {
      if (entry.d_tag == tag) return entry.d_un.d_val;
    }
    return 0;
  }

  const std::uint32_t* flags_of(std::uint32_t type) const {
    for (const auto& segment : segments_) {
      if (segment.p_type == type) return &segment.p_flags;
    }
    return nullptr;
  }

  std::string text(std::size_t offset) const { return strings_.substr(offset, strings_.find('\0', offset) - offset); }

  std::string bytes_, strings_;
  std::uint16_t type_ = ET_NONE;
  std::vector<Elf64_Phdr> segments_;
  std::vector<Elf64_Dyn> dynamic_;
};

}  // namespace mlrun::test
