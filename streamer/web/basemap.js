// The land that the map of receivers is drawn on, made when the pages are built: Vietnam's outline
// and the land around it, without names and without other countries' borders. From Natural Earth
// (public domain), 1:10 million, by the package world-atlas.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { feature } from 'topojson-client'

const NAME = 'virtual:basemap'
const HOME = '704'
/** West, south, east, north, in degrees. */
const BOX = [97, 5, 118, 27]
/** What deviates less, in degrees, is straight: some 300 m. */
const STRAIGHT = 0.003

/** @returns {import('vite').Plugin} */
export function basemap() {
  return {
    name: 'loa-basemap',
    resolveId: (id) => (id === NAME ? `\0${NAME}` : undefined),
    load: (id) => (id === `\0${NAME}` ? `export default ${JSON.stringify(made())}` : undefined),
  }
}

function made() {
  const file = createRequire(import.meta.url).resolve('world-atlas/countries-10m.json')
  const atlas = JSON.parse(readFileSync(file, 'utf8'))
  const land = []
  const home = []
  for (const { id, geometry } of feature(atlas, atlas.objects.countries).features) {
    const polygons = geometry?.type === 'Polygon' ? [geometry.coordinates] : (geometry?.coordinates ?? [])
    for (const [outer] of polygons) {
      const ring = simpler(clipped(outer))
      // Leaflet's order: latitude, longitude.
      if (ring.length > 3) (id === HOME ? home : land).push(ring.map(([x, y]) => [rounded(y), rounded(x)]))
    }
  }
  return { land, home }
}

function rounded(degrees) {
  return Math.round(degrees * 1000) / 1000
}

/** Cut a ring to the box, side by side (Sutherland and Hodgman). */
function clipped(ring) {
  const [west, south, east, north] = BOX
  const sides = [
    [0, west, 1],
    [0, east, -1],
    [1, south, 1],
    [1, north, -1],
  ]
  return sides.reduce((points, [axis, edge, sign]) => {
    const inside = (point) => sign * (point[axis] - edge) >= 0
    return points.flatMap((point, at) => {
      const before = points.at(at - 1)
      const cross = () => {
        const part = (edge - before[axis]) / (point[axis] - before[axis])
        return [0, 1].map((one) => before[one] + part * (point[one] - before[one]))
      }
      if (inside(point)) return inside(before) ? [point] : [cross(), point]
      return inside(before) ? [cross()] : []
    })
  }, ring)
}

/** Leave out what is nearly on the line between its neighbours (Ramer, Douglas and Peucker). */
function simpler(points) {
  if (points.length < 3) return points
  const kept = new Set([0, points.length - 1])
  const open = [[0, points.length - 1]]
  while (open.length > 0) {
    const [first, last] = open.pop()
    let most = STRAIGHT
    let at = -1
    for (let one = first + 1; one < last; one++) {
      const off = distance(points[one], points[first], points[last])
      if (off > most) [most, at] = [off, one]
    }
    if (at > 0) {
      kept.add(at)
      open.push([first, at], [at, last])
    }
  }
  return points.filter((_, at) => kept.has(at))
}

function distance([x, y], [ax, ay], [bx, by]) {
  const [dx, dy] = [bx - ax, by - ay]
  const length = Math.hypot(dx, dy)
  if (length === 0) return Math.hypot(x - ax, y - ay)
  return Math.abs(dy * (x - ax) - dx * (y - ay)) / length
}
