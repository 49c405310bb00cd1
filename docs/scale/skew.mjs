// A simulation of how evenly people, and what they have, fall on the shards of a table that is distributed by a hash of the account.

/** A generator of numbers from 0 to 1 that gives the same ones every time (mulberry32). */
function generator(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The mean of what a power law gives that begins at `least` and is cut at `most`. */
function mean(least, exponent, most) {
  return least + (least ** exponent * (most ** (1 - exponent) - least ** (1 - exponent))) / (1 - exponent);
}

/** Where a power law has to begin for its mean to be `wanted`. */
function least(wanted, exponent, most) {
  let [low, high] = [0, wanted];
  for (let step = 0; step < 60; step += 1) {
    const middle = (low + high) / 2;
    if (mean(middle, exponent, most) < wanted) low = middle;
    else high = middle;
  }
  return low;
}

/**
 * How much each shard has, divided by the mean: `people`, and the `rows` of theirs, of whom each has as many as a power law gives them
 * (the more `exponent`, the more equal), `each` on average and at most `most`. `counts` are the numbers of shards that are tried on the
 * same people.
 */
export function simulate({ people, each, exponent, most, counts, seed = 1 }) {
  const next = generator(seed);
  const begin = least(each, exponent, most);
  const tried = counts.map((count) => ({ count, people: new Float64Array(count), rows: new Float64Array(count) }));
  let largest = 0;
  let total = 0;
  for (let person = 0; person < people; person += 1) {
    // An account's id is random, and so is its hash; a shard has an equal part of all hashes.
    const hash = next();
    const rows = Math.min(most, begin * (1 - next()) ** (-1 / exponent));
    largest = Math.max(largest, rows);
    total += rows;
    for (const shards of tried) {
      const shard = Math.floor(hash * shards.count);
      shards.people[shard] += 1;
      shards.rows[shard] += rows;
    }
  }
  return tried.map(({ count, people: persons, rows }) => ({
    count,
    people: Math.max(...persons) / (people / count),
    rows: Math.max(...rows) / (total / count),
    least: Math.min(...rows) / (total / count),
    // The person with the most rows, as a part of what a shard has on average.
    largest: largest / (total / count),
  }));
}
