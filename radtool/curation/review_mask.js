/* Masks in the browser. A slice is a Uint8Array, row by row, 1 inside; a grid is
   {width, height, dx, dy} in pixels and mm. Nothing here knows of the page. */
"use strict";

/* Run lengths, outside first, over all slices -> slices. */
function decodeRuns(runs, depth, area) {
  const all = new Uint8Array(depth * area);
  let at = 0;
  runs.forEach((run, k) => { if (k % 2) all.fill(1, at, at + run); at += run; });
  return Array.from({ length: depth }, (_, k) => all.slice(k * area, (k + 1) * area));
}

function encodeRuns(slices) {
  const runs = [];
  let state = 0, length = 0;
  for (const slice of slices) {
    for (const voxel of slice) {
      if (voxel === state) length += 1;
      else { runs.push(length); state = voxel; length = 1; }
    }
  }
  return [...runs, length];
}

function countInside(slice) {
  let sum = 0;
  for (const voxel of slice) sum += voxel;
  return sum;
}

function countChanged(one, other) {
  let sum = 0;
  for (let k = 0; k < one.length; k += 1) sum += one[k] !== other[k];
  return sum;
}

/* The border of a slice along pixel edges, as an SVG path in mm. */
function outlinePath(slice, grid) {
  const { width, height, dx, dy } = grid, parts = [];
  const at = (y, x) => (x < 0 || y < 0 || x >= width || y >= height ? 0 : slice[y * width + x]);
  const edges = (lines, length, isEdge, draw) => {
    for (let line = 0; line <= lines; line += 1) {
      for (let start = 0; start < length; start += 1) {
        if (!isEdge(line, start)) continue;
        let stop = start + 1;
        while (stop < length && isEdge(line, stop)) stop += 1;
        parts.push(draw(line, start, stop));
        start = stop;
      }
    }
  };
  const mm = value => Number(value.toFixed(3));
  edges(height, width, (y, x) => at(y, x) !== at(y - 1, x), (y, a, b) => `M${mm(a * dx)} ${mm(y * dy)}H${mm(b * dx)}`);
  edges(width, height, (x, y) => at(y, x) !== at(y, x - 1), (x, a, b) => `M${mm(x * dx)} ${mm(a * dy)}V${mm(b * dy)}`);
  return parts.join("");
}

/* Set pixels whose centre lies within `radius` mm of a point (mm), and the pixel under it. */
function paintDisc(slice, grid, x, y, radius, value) {
  const { width, height, dx, dy } = grid;
  const set = (row, column) => { if (row >= 0 && column >= 0 && row < height && column < width) slice[row * width + column] = value; };
  for (let row = Math.floor((y - radius) / dy); row <= (y + radius) / dy; row += 1) {
    for (let column = Math.floor((x - radius) / dx); column <= (x + radius) / dx; column += 1) {
      if (Math.hypot((column + 0.5) * dx - x, (row + 0.5) * dy - y) <= radius) set(row, column);
    }
  }
  set(Math.floor(y / dy), Math.floor(x / dx));
}

function paintStroke(slice, grid, from, to, radius, value) {
  const far = Math.hypot(to[0] - from[0], to[1] - from[1]);
  const steps = Math.max(1, Math.ceil(far / (0.5 * Math.min(grid.dx, grid.dy))));
  for (let k = 0; k <= steps; k += 1) {
    const t = k / steps;
    paintDisc(slice, grid, from[0] + t * (to[0] - from[0]), from[1] + t * (to[1] - from[1]), radius, value);
  }
}

/* Set pixels whose centre lies inside a polygon (mm), by the even-odd rule. */
function fillPolygon(slice, grid, points, value) {
  const { width, height, dx, dy } = grid;
  for (let row = 0; row < height; row += 1) {
    const y = (row + 0.5) * dy, crossings = [];
    points.forEach(([x1, y1], k) => {
      const [x2, y2] = points[(k + 1) % points.length];
      if ((y1 <= y) !== (y2 <= y)) crossings.push(x1 + ((y - y1) * (x2 - x1)) / (y2 - y1));
    });
    crossings.sort((a, b) => a - b);
    for (let k = 0; k + 1 < crossings.length; k += 2) {
      const first = Math.max(0, Math.ceil(crossings[k] / dx - 0.5));
      const last = Math.min(width - 1, Math.ceil(crossings[k + 1] / dx - 0.5) - 1);
      for (let column = first; column <= last; column += 1) slice[row * width + column] = value;
    }
  }
}

/* Set everything that cannot be reached from the border through pixels outside. */
function fillHoles(slice, grid) {
  const { width, height } = grid, reached = new Uint8Array(slice.length), waiting = [];
  const visit = (row, column) => {
    const k = row * width + column;
    if (row < 0 || column < 0 || row >= height || column >= width || slice[k] || reached[k]) return;
    reached[k] = 1;
    waiting.push([row, column]);
  };
  for (let row = 0; row < height; row += 1) { visit(row, 0); visit(row, width - 1); }
  for (let column = 0; column < width; column += 1) { visit(0, column); visit(height - 1, column); }
  while (waiting.length) {
    const [row, column] = waiting.pop();
    visit(row - 1, column); visit(row + 1, column); visit(row, column - 1); visit(row, column + 1);
  }
  for (let k = 0; k < slice.length; k += 1) if (!reached[k]) slice[k] = 1;
}

/* Squared distances along a line from squared distances at its points (lower envelope of
   parabolas; Felzenszwalb and Huttenlocher, Theory of Computing 8:415-428, 2012). */
function distanceAlong(values, step) {
  const count = values.length, place = [], from = [], found = new Float64Array(count);
  for (let q = 0; q < count; q += 1) {
    if (values[q] === Infinity) continue;
    let border = -Infinity;
    while (place.length) {
      const p = place[place.length - 1];
      border = (values[q] + (q * step) ** 2 - values[p] - (p * step) ** 2) / (2 * step * (q - p));
      if (border > from[from.length - 1]) break;
      place.pop(); from.pop();
      border = -Infinity;
    }
    place.push(q); from.push(border);
  }
  if (!place.length) return found.fill(Infinity);
  for (let q = 0, k = 0; q < count; q += 1) {
    while (k + 1 < place.length && from[k + 1] <= q * step) k += 1;
    found[q] = ((q - place[k]) * step) ** 2 + values[place[k]];
  }
  return found;
}

/* Distance in mm of every pixel from the nearest one whose value is `wanted`. */
function distanceTo(slice, grid, wanted) {
  const { width, height, dx, dy } = grid, field = new Float64Array(slice.length);
  for (let row = 0; row < height; row += 1) {
    const line = Float64Array.from(slice.subarray(row * width, (row + 1) * width), v => (v === wanted ? 0 : Infinity));
    field.set(distanceAlong(line, dx), row * width);
  }
  for (let column = 0; column < width; column += 1) {
    const line = Float64Array.from({ length: height }, (_, row) => field[row * width + column]);
    distanceAlong(line, dy).forEach((value, row) => { field[row * width + column] = Math.sqrt(value); });
  }
  return field;
}

/* A slice between two others, `t` of the way from the first: where the mean of their signed
   distances is negative (shape-based interpolation; Raya and Udupa, IEEE TMI 9:32-42, 1990). */
function interpolateSlices(first, second, t, grid) {
  const signed = slice => {
    const out = distanceTo(slice, grid, 1), back = distanceTo(slice, grid, 0);
    return out.map((value, k) => value - back[k]);
  };
  const one = signed(first), other = signed(second);
  return Uint8Array.from(one, (value, k) => ((1 - t) * value + t * other[k] < 0 ? 1 : 0));
}

/* Ends of a slice's rows of edge midpoints, mm; their hull is that of all edge midpoints. */
function edgePoints(slice, grid) {
  const { width, height, dx, dy } = grid, points = [];
  const at = (y, x) => (x < 0 || y < 0 || x >= width || y >= height ? 0 : slice[y * width + x]);
  const ends = (length, isEdge, y, shift) => {
    let first = -1, last = -1;
    for (let x = 0; x < length; x += 1) if (isEdge(x)) { if (first < 0) first = x; last = x; }
    if (first >= 0) points.push([(first + shift) * dx, y], [(last + shift) * dx, y]);
  };
  for (let y = 0; y <= height; y += 1) {
    ends(width, x => at(y, x) !== at(y - 1, x), y * dy, 0.5);
    if (y < height) ends(width + 1, x => at(y, x) !== at(y, x - 1), (y + 0.5) * dy, 0);
  }
  return points;
}

/* Convex hull of points that are sorted by their second coordinate (Andrew's chains). */
function hullOf(points) {
  const turn = (a, b, c) => (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
  const sorted = [...points].sort((a, b) => a[1] - b[1] || a[0] - b[0]);
  const chain = list => {
    const kept = [];
    for (const point of list) {
      while (kept.length > 1 && turn(kept[kept.length - 2], kept[kept.length - 1], point) <= 0) kept.pop();
      kept.push(point);
    }
    return kept.slice(0, -1);
  };
  return points.length < 3 ? sorted : [...chain(sorted), ...chain(sorted.reverse())];
}

/* Diameter in mm of the smallest circle around a slice; 0 when it is empty (Welzl 1991). */
function circleDiameter(slice, grid) {
  const hull = hullOf(edgePoints(slice, grid)), far = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);
  if (!hull.length) return 0;
  let centre = hull[0], radius = 0;
  const outside = p => far(p, centre) > radius * (1 + 1e-9) + 1e-9;
  hull.forEach((p, i) => {
    if (!outside(p)) return;
    centre = p; radius = 0;
    for (let j = 0; j < i; j += 1) {
      const q = hull[j];
      if (!outside(q)) continue;
      centre = [(p[0] + q[0]) / 2, (p[1] + q[1]) / 2]; radius = far(p, q) / 2;
      for (let k = 0; k < j; k += 1) if (outside(hull[k])) { centre = circumcentre(p, q, hull[k]); radius = far(p, centre); }
    }
  });
  return 2 * radius;
}

function circumcentre(p, q, r) {
  const [ax, ay, bx, by] = [q[0] - p[0], q[1] - p[1], r[0] - p[0], r[1] - p[1]];
  const a = ax * ax + ay * ay, b = bx * bx + by * by, d = 2 * (ax * by - ay * bx);
  return [p[0] + (by * a - ay * b) / d, p[1] + (ax * b - bx * a) / d];
}
