#include "drivers/merlin_numbers.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace framelog {
namespace {

using Numbers = std::vector<std::uint64_t>;

Numbers all(MerlinNumbers& numbers, const Numbers& of_the_merlin) {
  Numbers found;
  for (const std::uint64_t number : of_the_merlin) found.push_back(numbers.number(number));
  return found;
}

TEST(MerlinNumbers, OneAcquisitionIsNumberedAsItIs) {
  MerlinNumbers numbers(0);
  numbers.begin("a", 10);
  EXPECT_EQ(all(numbers, {1, 2, 5}), (Numbers{1, 2, 5}));
}

TEST(MerlinNumbers, TheSecondAcquisitionGoesOn) {
  MerlinNumbers numbers(0);
  numbers.begin("a", 3);
  EXPECT_EQ(all(numbers, {1, 2, 3}), (Numbers{1, 2, 3}));
  numbers.begin("b", 3);
  EXPECT_EQ(all(numbers, {1, 2, 3}), (Numbers{4, 5, 6}));
  numbers.begin("b", 3);
  EXPECT_EQ(all(numbers, {1, 3}), (Numbers{7, 9})) << "the same header, from 1: a new acquisition";
}

TEST(MerlinNumbers, AnAcquisitionWithoutAHeaderBeginsWithOne) {
  MerlinNumbers numbers(0);
  EXPECT_EQ(all(numbers, {1, 2, 1, 2}), (Numbers{1, 2, 3, 4}));
  MerlinNumbers from_zero(0);
  EXPECT_EQ(all(from_zero, {0, 1, 0, 1}), (Numbers{1, 2, 3, 4}));
}

TEST(MerlinNumbers, ANumberThatComesAgainIsNoLoss) {
  MerlinNumbers numbers(0);
  EXPECT_EQ(all(numbers, {7, 8, 8, 9, 4}), (Numbers{7, 8, 9, 10, 11}));
}

TEST(MerlinNumbers, AStoppedAcquisitionLosesNothing) {
  MerlinNumbers numbers(0);
  numbers.begin("a", 100);
  EXPECT_EQ(all(numbers, {1, 2}), (Numbers{1, 2}));
  numbers.begin("b", 100);
  EXPECT_EQ(numbers.number(1), 3U);
}

TEST(MerlinNumbers, WhatWasAnnouncedAndDidNotComeThroughALostConnectionIsLost) {
  MerlinNumbers numbers(0);
  numbers.begin("a", 100);
  EXPECT_EQ(all(numbers, {1, 2}), (Numbers{1, 2}));
  numbers.interrupt();
  numbers.begin("b", 50);
  EXPECT_EQ(numbers.number(1), 101U);
  numbers.interrupt();
  EXPECT_EQ(numbers.number(11), 111U) << "the same acquisition goes on";
  numbers.interrupt();
  numbers.begin("b", 50);
  EXPECT_EQ(numbers.number(21), 121U) << "its header is sent again";
}

TEST(MerlinNumbers, EachAcquisitionBeginsAScan) {
  MerlinNumbers numbers(12);
  numbers.begin("a", 12);
  EXPECT_EQ(all(numbers, {1, 2, 3}), (Numbers{1, 2, 3}));
  numbers.begin("b", 12);
  EXPECT_EQ(all(numbers, {1, 12}), (Numbers{13, 24}));
  numbers.begin("c", 12);
  EXPECT_EQ(all(numbers, {2}), (Numbers{26}));
}

/// The numbers of a process that died behind `last`, with all that it had kept of them.
MerlinNumbers after(const MerlinNumbers& dead, std::uint64_t last, std::string_view header = {}) {
  MerlinNumbers numbers(0);
  if (!header.empty()) numbers.begin(header, 50);  // It came before anybody asked.
  numbers.recall(dead.memory(), last);
  return numbers;
}

TEST(MerlinNumbers, AProcessThatTakesOverGoesOnWithinTheAcquisition) {
  MerlinNumbers dead(0);
  dead.begin("a", 100);
  EXPECT_EQ(dead.number(100), 100U);
  dead.begin("b", 500);
  EXPECT_EQ(all(dead, {1, 10}), (Numbers{101, 110}));
  // 489 frames came in between, which the bare number of the Merlin would not tell.
  EXPECT_EQ(after(dead, 110).number(500), 600U);
  EXPECT_EQ(after(dead, 110, "b").number(11), 111U) << "the same header comes with a connection";
}

TEST(MerlinNumbers, AnAcquisitionThatBeganWithoutAProcessJumpsOverTheRestOfTheOneBefore) {
  MerlinNumbers dead(0);
  dead.begin("a", 100);
  EXPECT_EQ(all(dead, {1, 10}), (Numbers{1, 10}));
  EXPECT_EQ(after(dead, 10, "b").number(1), 101U);
  EXPECT_EQ(after(dead, 10).number(1), 101U) << "and where its header is not seen";
}

TEST(MerlinNumbers, WithoutAProcessBeforeNothingIsRecalled) {
  MerlinNumbers numbers = after(MerlinNumbers(0), 0);
  EXPECT_EQ(numbers.number(7), 7U);
  MerlinNumbers later(0);
  EXPECT_EQ(later.number(5), 5U);
  later.recall({1000, 0, 0, 0}, 2000);
  EXPECT_EQ(later.number(6), 6U) << "it knows better";
}

}  // namespace
}  // namespace framelog
