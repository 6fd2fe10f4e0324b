/** What the build makes of these imports: a worker inside the page, and a style sheet that goes into its head. */
declare module '*?worker&inline' {
  const Inline: new () => Worker;
  export default Inline;
}
declare module '*.css' {}
