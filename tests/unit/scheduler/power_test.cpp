#include "tools/scheduler/power.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <utility>

#include "tests/support/temp_dir.h"

namespace oracxfs::test {
namespace {

class Power : public testing::Test {
  protected:
    void supply(const std::string& name, std::initializer_list<std::pair<const char*, const char*>> values) {
        std::filesystem::create_directories(dir_ / name);
        for (const auto& [key, value] : values) std::ofstream(dir_ / (name + "/" + key)) << value << "\n";
    }
    [[nodiscard]] bool battery() const { return on_battery(dir_.path()); }

    TempDir dir_;
};

TEST_F(Power, AMachineWithoutSuppliesIsOnMains) {
    EXPECT_FALSE(battery());
    EXPECT_FALSE(on_battery(dir_ / "absent"));
}

TEST_F(Power, ALaptopThatIsUnpluggedIsOnBattery) {
    supply("AC", {{"type", "Mains"}, {"online", "0"}});
    supply("BAT0", {{"type", "Battery"}, {"present", "1"}, {"status", "Discharging"}, {"scope", "System"}});
    EXPECT_TRUE(battery());
    supply("AC", {{"online", "1"}});
    EXPECT_FALSE(battery());
}

TEST_F(Power, ABatteryThatIsChargedOrFullIsNotInUse) {
    for (const char* status : {"Charging", "Full", "Not charging", "Unknown"}) {
        supply("BAT0", {{"type", "Battery"}, {"status", status}});
        EXPECT_FALSE(battery()) << status;
    }
}

TEST_F(Power, AChargerOnUsbCIsMains) {
    supply("BAT0", {{"type", "Battery"}, {"status", "Discharging"}});
    supply("ucsi0", {{"type", "USB"}, {"online", "2"}});
    EXPECT_FALSE(battery());
    supply("ucsi0", {{"online", "0"}});
    EXPECT_TRUE(battery());
}

TEST_F(Power, AMouseAndAnEmptyBayAreNoBatteryOfTheMachine) {
    supply("hid0", {{"type", "Battery"}, {"status", "Discharging"}, {"scope", "Device"}});
    supply("BAT1", {{"type", "Battery"}, {"status", "Discharging"}, {"present", "0"}});
    EXPECT_FALSE(battery());
}

TEST_F(Power, AUpsThatIsDischargedIsABatteryAlthoughItGivesMains) {
    supply("AC", {{"type", "Mains"}, {"online", "1"}});
    supply("ups0", {{"type", "UPS"}, {"status", "Discharging"}});
    EXPECT_TRUE(battery());
}

TEST_F(Power, WhatIsBrokenCountsAsMains) {
    std::ofstream(dir_ / "file") << "x";
    supply("BAT0", {{"type", "Battery"}});
    supply("BAT1", {{"status", "Discharging"}});
    EXPECT_FALSE(battery());
}

}  // namespace
}  // namespace oracxfs::test
