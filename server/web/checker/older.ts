/*
 * The last browsers for Windows 7 (Chrome 109) lack a few functions that the check uses. Imported before anything else.
 */

if (Array.prototype.toSorted === undefined)
  Array.prototype.toSorted = function (compare) {
    return [...this].sort(compare);
  };

/** A surrogate that has no other half; with the flag `u` a pair is one character and does not match. */
const LONE = /\p{Surrogate}/u;

if (String.prototype.isWellFormed === undefined)
  String.prototype.isWellFormed = function () {
    return !LONE.test(String(this));
  };
