// Light or dark: the system's choice, unless the switch says otherwise; remembered by this browser.
(() => {
  const THEMES = ['auto', 'light', 'dark'];
  const stored = () => {
    const theme = localStorage.getItem('theme');
    return THEMES.includes(theme) ? theme : 'auto';
  };
  const apply = theme => {
    document.documentElement.dataset.theme = theme;
    const button = document.getElementById('theme');
    if (button) button.textContent = theme[0].toUpperCase() + theme.slice(1);
  };
  apply(stored());
  document.addEventListener('DOMContentLoaded', () => {
    apply(stored());
    document.getElementById('theme').addEventListener('click', () => {
      const next = THEMES[(THEMES.indexOf(stored()) + 1) % THEMES.length];
      localStorage.setItem('theme', next);
      apply(next);
      document.dispatchEvent(new Event('themechange'));
    });
  });
  matchMedia('(prefers-color-scheme: dark)')
      .addEventListener('change', () => document.dispatchEvent(new Event('themechange')));
})();
