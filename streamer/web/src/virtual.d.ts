/** Land as rings of latitude and longitude, made by `basemap.js` when the pages are built. */
declare module 'virtual:basemap' {
  type Ring = [number, number][]
  const made: { land: Ring[]; home: Ring[] }
  export default made
}
